/** From flags to the policy that is sealed, and that policy in words. Takes nothing from the authority but who the owner is. */
import {
  parseBodyConditions,
  parseConnectionLimits,
  parseGraphqlRule,
  parseMethod,
  parseOrigin,
  parsePathPattern,
  parseQueryNames,
  parseResponseHeaders,
  parseSecureUrl,
  type ConnectionLimits,
  type Echoes,
  type GraphqlRule,
  type Pins,
  type SpkiPins,
} from '@dauth/protocol';
import type { InjectionInput, SchemeInput, SealPolicy } from '@dauth/client';
import { parseStatedCapture, type StatedCapture } from './capture.ts';
import { checkDraft, type Draft } from './draft.ts';
import { DEFAULT_INJECT, parseInject } from './inject.ts';
import { days, quota } from './numbers.ts';
import { given, givenJson, say, usage } from './output.ts';
import type { Reach } from './reach.ts';
import { sayBody, sayGraphql, sayLimits, sayQuery } from './rule-words.ts';
import { saySpki, stateSpki } from './spki.ts';

export interface PolicyFlags {
  readonly origin?: string;
  readonly server?: readonly string[];
  readonly inject?: readonly string[];
  readonly method?: readonly string[];
  readonly path?: readonly string[];
  readonly query?: readonly string[];
  readonly withoutQuery?: boolean;
  readonly body?: readonly string[];
  readonly graphql?: string;
  readonly field?: readonly string[];
  readonly rate?: string;
  readonly budget?: string;
  readonly websocket?: boolean;
  readonly spki?: readonly string[];
  readonly responseHeader?: readonly string[];
  readonly refuseEchoes?: boolean;
  readonly capture?: string;
  readonly owner?: string;
  readonly org?: string;
  readonly pin?: readonly string[];
  readonly pinServer?: readonly string[];
  readonly allowBearer?: boolean;
  readonly expiresIn?: string;
}

const DEFAULT_DAYS = '365';
const DAY = 86_400;

/** What is asked for before anything is sent. @throws CliError (usage), with the sentence of the flag */
export interface StatedPolicy {
  readonly rule: Draft['rule'];
  readonly servers: readonly string[];
  readonly inject: readonly InjectionInput[];
  readonly limits?: ConnectionLimits;
  readonly spki?: readonly SpkiPins[];
  readonly responseHeaders?: readonly string[];
  readonly echoes?: Echoes;
  readonly capture?: StatedCapture;
  readonly lifeSeconds: number;
}

export function statePolicy(flags: PolicyFlags, origin: string, servers: readonly string[]): StatedPolicy {
  if (flags.allowBearer === true && (flags.pin ?? flags.pinServer) !== undefined)
    throw usage('--allow-bearer and a pin exclude each other: a token without a key has none to pin.');
  if (flags.withoutQuery === true && flags.query !== undefined)
    throw usage('--query and --without-query exclude each other: either some names may stand in a query, or none.');
  if (flags.websocket === true && ((flags.method ?? ['GET']).join() !== 'GET' || flags.body !== undefined))
    throw usage('--websocket goes with the method GET alone, and with no --body: that is how a WebSocket is opened.');
  const query = flags.withoutQuery === true ? [] : flags.query;
  if (query !== undefined) given('--query', query, parseQueryNames);
  const body = flags.body?.map((text) => givenJson('--body', text, (value) => value));
  const inject = (flags.inject ?? [DEFAULT_INJECT]).map(parseInject);
  given('--origin', origin, parseOrigin);
  servers.forEach((server) => given('--server', server, parseSecureUrl));
  flags.method?.forEach((method) => given('--method', method, parseMethod));
  flags.path?.forEach((path) => given('--path', path, parsePathPattern));
  const graphql = flags.graphql === undefined ? undefined : givenJson('--graphql', flags.graphql, parseGraphqlRule);
  const rule = {
    ...{ origin, methods: flags.method ?? defaultMethods(inject, graphql), paths: flags.path ?? ['/**'] },
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body: given('--body', body, parseBodyConditions) }),
    ...(graphql === undefined ? {} : { graphql }),
    ...(flags.websocket === true ? { websocket: true as const } : {}),
  };
  const limits = stateLimits(flags);
  const capture = flags.capture === undefined ? undefined : givenJson('--capture', flags.capture, parseStatedCapture);
  const echoes = flags.refuseEchoes === true ? 'refused' : undefined;
  checkDraft({ rule, inject, servers, fields: flags.field ?? ['token'], echoes, capture });
  const released = flags.responseHeader?.map((name) => name.toLowerCase());
  return {
    ...{ rule, servers, inject, ...limits, lifeSeconds: days(flags.expiresIn ?? DEFAULT_DAYS) * DAY },
    ...(flags.spki === undefined ? {} : { spki: stateSpki(flags.spki, origin, inject) }),
    ...(capture === undefined ? {} : { capture }),
    ...(echoes === undefined ? {} : { echoes }),
    ...(released === undefined ? {} : { responseHeaders: given('--response-header', released, parseResponseHeaders) }),
  };
}

function stateLimits({ rate, budget }: PolicyFlags): { limits?: ConnectionLimits } {
  if (rate === undefined && budget === undefined) return {};
  const limits = {
    ...(rate === undefined ? {} : { rate: quota(rate, '--rate') }),
    ...(budget === undefined ? {} : { budget: quota(budget, '--budget') }),
  };
  return { limits: given(rate === undefined ? '--budget' : '--rate', limits, parseConnectionLimits) };
}

export async function makePolicy(
  connection: string,
  stated: StatedPolicy,
  flags: PolicyFlags,
  at: Reach,
): Promise<SealPolicy> {
  const owner = flags.owner ?? (await at.client.whoami()).sub;
  return {
    ...{ issuer: at.issuer, owner, connection, servers: stated.servers, inject: stated.inject },
    ...(flags.org === undefined ? {} : { org: flags.org }),
    allow: [stated.rule],
    ...pins(flags),
    ...(stated.limits === undefined ? {} : { limits: stated.limits }),
    ...(stated.spki === undefined ? {} : { spki: stated.spki }),
    ...(stated.responseHeaders === undefined ? {} : { responseHeaders: stated.responseHeaders }),
    ...(stated.echoes === undefined ? {} : { echoes: stated.echoes }),
    ...(flags.allowBearer === true ? { bearer: true } : {}),
    expiresAt: Math.floor(Date.now() / 1_000) + stated.lifeSeconds,
  };
}

/** A body is what a GET does not have, and a client of GraphQL sends one. */
function defaultMethods(inject: readonly InjectionInput[], graphql: GraphqlRule | undefined): readonly string[] {
  return graphql !== undefined || inject.some((slot) => 'in' in slot && slot.in === 'body') ? ['POST'] : ['GET'];
}

/** Seconds of `--expires-in`, where it was given. */
export function statedLife(flags: PolicyFlags): { lifeSeconds?: number } {
  return flags.expiresIn === undefined ? {} : { lifeSeconds: days(flags.expiresIn) * DAY };
}

/** Everything that decides where a credential can go, before it is stored. */
export function describePolicy(policy: SealPolicy, level: string): void {
  say(`Sealing "${policy.connection}" for ${policy.owner}, to an executor of level ${level}:`);
  for (const rule of policy.allow)
    say(
      `  may be sent to  ${rule.origin}  ${rule.methods.join(' ')}  ${rule.paths.join(' ')}  ${[sayQuery(rule.query), ...(rule.body === undefined ? [] : [sayBody(rule.body)]), ...(rule.graphql === undefined ? [] : [sayGraphql(rule.graphql)]), ...(rule.websocket === undefined ? [] : ['as a WebSocket'])].join(', and ')}`,
    );
  for (const slot of policy.inject)
    say('scheme' in slot ? describeScheme(slot) : `  is put into     ${describeSlot(slot)}`);
  for (const pins of policy.spki ?? []) say(`  over TLS        ${saySpki(pins)}`);
  for (const { pointer, field } of policy.capture?.fields ?? [])
    say(`  is answered by  ${pointer}, which is captured as the field ${field} of a connection of its own`);
  if (policy.captured !== undefined)
    say(`  holds           what a login answers, for ${policy.captured.lifetime} s from then`);
  if (policy.responseHeaders !== undefined)
    say(`  gives back      ${policy.responseHeaders.join(' ')}, which MCP servers can read then`);
  if (policy.echoes === 'refused')
    say('  refuses         answers that hold it, whole; those that do not are held until their end, 1 MiB at most');
  say(`  may be used by  ${policy.servers.join(' ')}`);
  say(`  of clients      ${describeKeys(policy.pin?.jkt)}`);
  say(`  through servers ${describeKeys(policy.pin?.server_jkt)}`);
  if (policy.limits !== undefined) say(`  at most         ${sayLimits(policy.limits)}, at each executor`);
  if (policy.bearer === true)
    say('  Bearer allowed  also for clients without a key: whoever steals a token of theirs can use it while it lives');
  say(`  until           ${new Date(policy.expiresAt * 1_000).toISOString().slice(0, 10)}`);
}

function describeScheme(scheme: SchemeInput): string {
  if ('endpoint' in scheme) {
    const from = scheme.scheme === 'oauth2' && scheme.redirect_uri !== undefined ? ', first with a code' : '';
    const client = 'client_id' in scheme && 'private_key' in scheme ? ', signed for by its key' : '';
    const how = `for a token by ${scheme.scheme}${from}${client}${describeScope(scheme)}`;
    if (scheme.scheme !== 'id_jag') return `  is exchanged at ${scheme.endpoint}  ${how}`;
    return `  is exchanged at ${scheme.idp.endpoint}  for an ID-JAG for ${scheme.audience}\n  and that at     ${scheme.endpoint}  ${how}`;
  }
  if (scheme.scheme === 'postgres')
    return `  logs in as      ${scheme.user}  by ${(scheme.auth ?? ['scram-sha-256']).join(' or ')}`;
  if (scheme.scheme === 'mtls') return '  is shown by     a client certificate in TLS, to no other origin';
  return `  signs           ${describeSigner(scheme)}`;
}

/** What the token is narrowed to. */
function describeScope(scheme: Extract<SchemeInput, { readonly endpoint: string }>): string {
  if (scheme.scheme !== 'github_app') return scheme.scope === undefined ? '' : `, scope ${scheme.scope}`;
  const { permissions = {}, repositories = [] } = scheme;
  const granted = Object.entries(permissions).map(([name, level]) => `${name}:${level}`);
  return [
    ...(granted.length === 0 ? [] : [`, only ${granted.join(' ')}`]),
    ...(repositories.length === 0 ? [] : [`, only of ${repositories.join(' ')}`]),
  ].join('');
}

function describeSigner(
  scheme: Exclude<SchemeInput, { readonly endpoint: string } | { readonly scheme: 'postgres' | 'mtls' }>,
): string {
  if (scheme.scheme === 'aws_sigv4')
    return `each request by aws_sigv4, for ${scheme.service} in ${scheme.region}, in the ${scheme.place ?? 'header'}${scheme.payload === undefined ? '' : ', streaming bodies in signed pieces'}`;
  if (scheme.scheme === 'oauth1') return `each request by oauth1 with HMAC-${(scheme.hash ?? 'sha1').toUpperCase()}`;
  const places = scheme.put.map(({ in: place, name }) => `${place} ${name}`);
  return `${scheme.sign} by hmac ${scheme.hash}, in ${places.join(', ')}`;
}

function describeSlot(slot: Exclude<InjectionInput, SchemeInput>): string {
  if (slot.in === 'basic') return `basic  ${slot.user} : ${slot.pass}`;
  if (slot.in === 'path') return `path segment ${slot.segment ?? 0}  ${slot.value}`;
  if (slot.in === 'body')
    return 'pointer' in slot ? `JSON body ${slot.pointer}  ${slot.value}` : `form body ${slot.field}  ${slot.value}`;
  return `${slot.in} ${slot.name}  ${slot.value}`;
}

function describeKeys(keys: readonly string[] | undefined): string {
  return keys === undefined ? 'with any key (not pinned)' : `with key ${keys.join(' or ')}`;
}

function pins(flags: PolicyFlags): { pin?: Pins } {
  const pin = {
    ...(flags.pin === undefined ? {} : { jkt: flags.pin }),
    ...(flags.pinServer === undefined ? {} : { server_jkt: flags.pinServer }),
  };
  return Object.keys(pin).length === 0 ? {} : { pin };
}
