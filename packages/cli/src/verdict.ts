/**
 * `dauth policy test` and `explain`: what sealed rules, and a token's, say of a request, by the executor's own words for it.
 * Asks nobody, opens nothing, and repeats nothing that was typed but names of a query.
 */
import {
  assertNoTokenEndpoint,
  DAuthError,
  explainAllow,
  explainDetails,
  operatorUnmet,
  parseMethod,
  parseOrigin,
  splitTarget,
  type RequestTarget,
  type Target,
} from '@dauth/protocol';
import { statSync } from 'node:fs';
import { block, paragraph } from './block.ts';
import { readOperator, readTime } from './operator-file.ts';
import { EXIT, given, print, usage } from './output.ts';
import { sayCapture, sayLimits, sayRule } from './rule-words.ts';
import { readBody, readRules, type RuleFlags, type Rules } from './rules.ts';
import { sayDetailUnmet, sayUnmet } from './unmet.ts';
import { saySpki } from './spki.ts';

export interface VerdictFlags extends RuleFlags {
  readonly json?: boolean;
}

/** One answer; rules and details are counted from 1. */
interface Verdict {
  readonly allowed: boolean;
  /** Whose word it is: the first that refuses, in the executor's order. */
  readonly by: 'request' | 'policy' | 'token' | 'operator';
  /** Of the policy: the rule that allows the request, or the one that came nearest. */
  readonly rule: number | null;
  /** Of the token, in the same way. */
  readonly detail: number | null;
  /** Members of the nearest that do not take the request. */
  readonly unmet: readonly string[];
  readonly message: string;
}

const OPERATOR: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null as never,
  origin: 'nothing goes to this origin (rules.deny)',
  methods: 'the method is not allowed (rules.deny.methods)',
  hours: 'not at this time (rules.hours)',
  requestBytes: 'the body is too large (rules.requestBytes)',
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
  const { allow, spki: pins, details = [], handle } = rules;
  const said =
    target === undefined
      ? { rules: [], spki: [], details: [] }
      : {
          rules: allow.map((rule, at) => ({ rule: at + 1, ...rule, unmet: explainAllow([rule], target).unmet })),
          // No part of the answer: which key a server has, only the call to it shows.
          spki: pins.filter(({ origin }) => origin === target.origin),
          details: details.map(({ locations, actions, ...detail }, at) => ({
            ...{ detail: at + 1, locations, actions },
            unmet: explainDetails([{ ...detail, locations, actions }], handle!, target).unmet,
          })),
        };
  const limits = rules.limits === undefined ? {} : { limits: rules.limits };
  const { capture, captured } = rules;
  const taken = { ...(capture === undefined ? {} : { capture }), ...(captured === undefined ? {} : { captured }) };
  const certified = rules.certified === undefined ? {} : { client_certificate: true };
  print(flags.json === true, { ...verdict, ...said, ...limits, ...taken, ...certified }, () =>
    [
      // Why the nearest does not take it, stands with it.
      paragraph(isNearest(verdict) ? sayNearest(verdict) : verdict.message),
      ...(rules.limits === undefined ? [] : [paragraph(`limits, not counted here: ${sayLimits(rules.limits)}`)]),
      ...said.rules.map(({ rule: at, unmet }) => {
        const rule = allow[at - 1]!;
        return block(`rule ${at}`, sayUnmet(unmet, rule, target!), sayRule(rule));
      }),
      ...sayCapture(rules).map(paragraph),
      ...said.spki.map((each) => paragraph(`It is sent ${saySpki(each)}.`)),
      ...(rules.certified === undefined
        ? []
        : [paragraph('A client certificate is shown over TLS; a server that asks for none is sent nothing.')]),
      ...said.details.map(({ detail, unmet, locations, actions }) =>
        block(`detail ${detail}`, sayDetailUnmet(unmet), [
          ['location', locations.join(' ')],
          ['actions', actions.join(', ')],
        ]),
      ),
    ].join('\n\n'),
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
    if (rules.capture === undefined) assertNoTokenEndpoint(to, parts.path);
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    const none = { rule: null, detail: null, unmet: [] };
    const message = `denied, whatever the rules say: ${error.publicMessage}`;
    return { verdict: { allowed: false, by: 'request', ...none, message }, rules, target: undefined };
  }
  const sent = { origin: to, method: asked, ...parts, ...readBody(flags, asked) };
  const target = { ...sent, webSocket: flags.websocket === true };
  const verdict = decide(rules, target);
  if (flags.operator === undefined) return { verdict, rules, target };
  const operator = readOperator(flags.operator);
  const bodyBytes = flags.body === undefined ? 0 : statSync(flags.body).size;
  const unmet = operatorUnmet(operator, { origin: to, method: asked, atMs: readTime(flags.at), bodyBytes });
  return { verdict: verdict.allowed ? narrow(verdict, unmet) : verdict, rules, target };
}

/** The operator is asked last: what is denied already is not allowed by anybody. */
function narrow(verdict: Verdict, unmet: string | undefined): Verdict {
  if (unmet === undefined) return { ...verdict, by: 'operator', message: `${verdict.message}, and by the operator` };
  const message = `denied by the operator: ${OPERATOR[unmet]!}; ${verdict.message} otherwise`;
  return { ...verdict, allowed: false, by: 'operator', unmet: [unmet], message };
}

function decide({ allow, details, handle }: Rules, target: Target): Verdict {
  const sealed = explainAllow(allow, target);
  const rule = sealed.rule! + 1;
  if (!sealed.isAllowed) {
    const denied = { allowed: false, by: 'policy', rule, detail: null, unmet: sealed.unmet } as const;
    return { ...denied, message: `${sayNearest(denied)}, but ${sayUnmet(sealed.unmet, allow[rule - 1]!, target)}` };
  }
  if (details === undefined)
    return { allowed: true, by: 'policy', rule, detail: null, unmet: [], message: `allowed by rule ${rule}` };
  const token = explainDetails(details, handle!, target);
  const detail = token.rule === undefined ? null : token.rule + 1;
  const both = { allowed: token.isAllowed, by: 'token', rule, detail, unmet: token.unmet } as const;
  if (token.isAllowed)
    return { ...both, message: `allowed by rule ${rule} of the policy and detail ${detail} of the token` };
  return { ...both, message: `${sayNearest(both)}${detail === null ? '' : `, but ${sayDetailUnmet(token.unmet)}`}` };
}

function isNearest({ allowed, by }: Verdict): boolean {
  return !allowed && (by === 'policy' || by === 'token');
}

/** Which rule or detail a denied request comes nearest to. */
function sayNearest({ by, rule, detail }: Pick<Verdict, 'by' | 'rule' | 'detail'>): string {
  if (by === 'policy') return `denied by the policy: rule ${rule} comes nearest`;
  const nearest = detail === null ? 'it has no details' : `detail ${detail} comes nearest`;
  return `denied by the token: rule ${rule} of the policy allows it; ${nearest}`;
}
