/**
 * `dauth policy test` and `explain`: what sealed rules, and a token's, say of a request, by the executor's own words for it.
 * Asks nobody, opens nothing, and never repeats what was typed.
 */
import {
  DAuthError,
  explainAllow,
  explainDetails,
  parseMethod,
  parseOrigin,
  splitTarget,
  type RequestTarget,
  type Target,
} from '@dauth/protocol';
import { EXIT, given, print, table, usage } from './output.ts';
import { sayBody, sayQuery } from './policy.ts';
import { readBody, readRules, type RuleFlags, type Rules } from './rules.ts';

export interface VerdictFlags extends RuleFlags {
  readonly json?: boolean;
}

/** One answer; rules and details are counted from 1. */
interface Verdict {
  readonly allowed: boolean;
  /** Whose word it is: the first that refuses, in the executor's order. */
  readonly by: 'request' | 'policy' | 'token';
  /** Of the policy: the rule that allows the request, or the one that came nearest. */
  readonly rule: number | null;
  /** Of the token, in the same way. */
  readonly detail: number | null;
  /** Members of the nearest that do not take the request. */
  readonly unmet: readonly string[];
  readonly message: string;
}

const WORDS: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null as never,
  origin: 'it is for another origin',
  methods: 'it does not have the method',
  paths: 'none of its paths matches',
  query: 'the query has a name that it does not list, one twice, or one of a member that its conditions are on',
  body: 'the body is not JSON that holds what it must',
  identifier: 'it is for another connection',
  locations: 'it is for another origin',
  actions: 'none of its actions matches',
});

/** @returns the exit code: 0 where the request is allowed, else 5 */
export function testPolicy(method: string, url: string, flags: VerdictFlags): number {
  const { verdict } = judge(method, url, flags);
  print(flags.json === true, verdict, () => verdict.message);
  return verdict.allowed ? EXIT.ok : EXIT.denied;
}

/** The same answer, and what every rule says. @returns the exit code, as above */
export function explainPolicy(method: string, url: string, flags: VerdictFlags): number {
  const { verdict, rules, target } = judge(method, url, flags);
  const { allow, details = [], handle } = rules;
  const said =
    target === undefined
      ? { rules: [], details: [] }
      : {
          rules: allow.map((rule, at) => ({ rule: at + 1, ...rule, unmet: explainAllow([rule], target).unmet })),
          details: details.map(({ locations, actions, ...detail }, at) => ({
            ...{ detail: at + 1, locations, actions },
            unmet: explainDetails([{ ...detail, locations, actions }], handle!, target).unmet,
          })),
        };
  print(flags.json === true, { ...verdict, ...said }, () =>
    [
      verdict.message,
      ...(said.rules.length === 0
        ? []
        : [
            '',
            table(
              ['rule', 'says', 'origin', 'methods', 'paths', 'query', 'body'],
              said.rules.map((each) => [
                ...[String(each.rule), sayUnmet(each.unmet), each.origin],
                ...[each.methods.join(' '), each.paths.join(' '), sayQuery(each.query), sayBody(each.body)],
              ]),
            ),
          ]),
      ...(said.details.length === 0
        ? []
        : [
            '',
            table(
              ['detail', 'says', 'location', 'actions'],
              said.details.map((each) => [
                ...[String(each.detail), sayUnmet(each.unmet)],
                ...[each.locations[0], each.actions.join(', ')],
              ]),
            ),
          ]),
    ].join('\n'),
  );
  return verdict.allowed ? EXIT.ok : EXIT.denied;
}

function judge(
  method: string,
  url: string,
  flags: VerdictFlags,
): { readonly verdict: Verdict; readonly rules: Rules; readonly target: Target | undefined } {
  const rules = readRules(flags);
  const asked = given('METHOD', method, parseMethod);
  // Taken apart by hand: what a URL parser mends would not be what an executor is sent.
  const [, origin, raw] = /^([^/?#]*\/\/[^/?#]*)(\/[^#]*)$/s.exec(url) ?? [];
  if (origin === undefined || raw === undefined)
    throw usage('URL is an origin and a path, without a fragment: https://api.example/items?page=2.');
  const to = given('URL', origin, parseOrigin);
  let parts: RequestTarget;
  try {
    parts = splitTarget(raw);
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    const none = { rule: null, detail: null, unmet: [] };
    const message = `denied, whatever the rules say: ${error.publicMessage}`;
    return { verdict: { allowed: false, by: 'request', ...none, message }, rules, target: undefined };
  }
  const target = { origin: to, method: asked, ...parts, ...readBody(flags) };
  return { verdict: decide(rules, target), rules, target };
}

function decide({ allow, details, handle }: Rules, target: Target): Verdict {
  const sealed = explainAllow(allow, target);
  const rule = sealed.rule! + 1;
  if (!sealed.isAllowed) {
    const message = `denied by the policy: rule ${rule} comes nearest, but ${sayUnmet(sealed.unmet)}`;
    return { allowed: false, by: 'policy', rule, detail: null, unmet: sealed.unmet, message };
  }
  if (details === undefined)
    return { allowed: true, by: 'policy', rule, detail: null, unmet: [], message: `allowed by rule ${rule}` };
  const token = explainDetails(details, handle!, target);
  const detail = token.rule === undefined ? null : token.rule + 1;
  const both = { allowed: token.isAllowed, by: 'token', rule, detail, unmet: token.unmet } as const;
  if (token.isAllowed)
    return { ...both, message: `allowed by rule ${rule} of the policy and detail ${detail} of the token` };
  const why = detail === null ? 'it has no details' : `detail ${detail} comes nearest, but ${sayUnmet(token.unmet)}`;
  return { ...both, message: `denied by the token: rule ${rule} of the policy allows it; ${why}` };
}

function sayUnmet(unmet: readonly string[]): string {
  return unmet.length === 0 ? 'allowed' : unmet.map((member) => WORDS[member]!).join(', and ');
}
