/**
 * Injections: the slots of a request that a credential's fields fill, named by field and fixed text only (§2 `inject`).
 * Never holds a value: what stands here is public and is matched against requests before anything is opened.
 */
import { assertNoOverride, assertOneBody, foldName, parsePointer, type BodySlot } from './body-slot.ts';
import { proofKeys } from './client-auth.ts';
import { canonicalHeaderName } from './dispatch.ts';
import { LIMITS } from './limits.ts';
import { isObject } from './json.ts';
import { refreshField } from './oauth2.ts';
import { mtlsFields, parseMtls, type Mtls } from './scheme-mtls.ts';
import { parsePostgres, type Postgres } from './scheme-postgres.ts';
import { parseScheme, schemeFields, schemeSlots, type Scheme } from './scheme.ts';
import { distinct, exactObject, integer, list, refuse } from './shape.ts';
import { parseSlotName } from './slot-name.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';
import { isTokenScheme, parseTokenScheme, shownTemplates, tokenFields, type TokenScheme } from './token-scheme.ts';

/**
 * A slot that is filled, a scheme that signs the request with all slots filled, one whose token goes into it, one that logs
 * in to a database, or one that says over TLS who calls.
 */
export type Injection = Slot | Scheme | TokenScheme | Postgres | Mtls;

/** One slot. `name` is lowercase for headers; `segment` counts path segments from 0, where the slot is inserted. */
export type Slot =
  | { readonly in: 'header' | 'query' | 'cookie'; readonly name: string; readonly value: Template }
  | { readonly in: 'basic'; readonly user: Template; readonly pass: Template }
  | { readonly in: 'path'; readonly value: Template; readonly segment: number }
  | BodySlot;

const MAX_SEGMENT = 32;
/** Of one slot or another; which are whose is checked with the slot. */
const MEMBERS = ['name', 'value', 'user', 'pass', 'segment', 'pointer', 'field'];

/** @throws DAuthError `INVALID_REQUEST` */
export function parseInjections(value: unknown): readonly Injection[] {
  const injections = list(value, '"inject"', 1, LIMITS.policyNames, parseInjection);
  const schemes = injections.filter((injection) => 'scheme' in injection);
  if (schemes.length > 1) refuse('"inject" has more than one scheme: a request is signed once, or has one token.');
  if (schemes.some(({ scheme }) => scheme === 'aws_sigv4') && injections.some(isAmazon))
    refuse('Beside "aws_sigv4" no slot has a name that begins with "x-amz-": AWS takes those signed only.');
  if (loginOf(injections) !== undefined && injections.length > 1)
    refuse('The scheme "postgres" stands alone: a session has no slots.');
  distinct(injections.flatMap(slotKeys), '"inject"', String);
  assertRefreshAlone(injections);
  assertKeyAlone(injections);
  const inBody = bodySlots(injections);
  assertOneBody(inBody);
  if (inBody.length > 0 && schemes.some(({ scheme }) => scheme !== 'mtls'))
    refuse(
      schemes.some(isScheme)
        ? 'A scheme signs the body that the caller sent, so beside one nothing is filled into it.'
        : 'Beside a token nothing is filled into the body.',
    );
  return injections;
}

/** A refresh token is replaced by the executor: it goes to its endpoint and nowhere else. */
function assertRefreshAlone(injections: readonly Injection[]): void {
  const scheme = tokenSchemeOf(injections);
  if (scheme?.scheme !== 'oauth2') return;
  if (injectedFields(slotsOf(injections)).has(refreshField(scheme)))
    refuse('The field of "refresh_token" is named nowhere else.');
}

/** The key of a client, or of its certificate, is shown to nobody: it goes into no slot. */
function assertKeyAlone(injections: readonly Injection[]): void {
  const shown = injectedFields(slotsOf(injections));
  if (proofKeys(tokenSchemeOf(injections) ?? {}).some((field) => shown.has(field)))
    refuse('The field of "private_key" is named nowhere else: a key is shown to nobody.');
  const certified = certificateOf(injections);
  if (certified === undefined) return;
  if (mtlsFields(certified).some((field) => shown.has(field)))
    refuse('The fields of "mtls" are named nowhere else: a key is shown to nobody.');
}

/** Whether an injection signs the request rather than standing in it. */
export function isScheme(injection: Injection): injection is Scheme {
  return (
    'scheme' in injection && !isTokenScheme(injection) && injection.scheme !== 'postgres' && injection.scheme !== 'mtls'
  );
}

/** The client certificate among some injections; there is one at most. */
export function certificateOf(injections: readonly Injection[]): Mtls | undefined {
  return injections.find((injection) => 'scheme' in injection && injection.scheme === 'mtls') as Mtls | undefined;
}

/** The login among some injections, where they are one to a database. */
export function loginOf(injections: readonly Injection[]): Postgres | undefined {
  return injections.find((injection) => 'scheme' in injection && injection.scheme === 'postgres') as
    Postgres | undefined;
}

function isAmazon(injection: Injection): boolean {
  return 'name' in injection && canonicalHeaderName(injection.name).startsWith('x-amz-');
}

/** The slots that are in the body of a request. */
export function bodySlots(injections: readonly Injection[]): readonly BodySlot[] {
  return slotsOf(injections).filter((slot) => slot.in === 'body');
}

/** The slots among some injections. */
export function slotsOf(injections: readonly Injection[]): readonly Slot[] {
  return injections.filter((injection) => 'in' in injection);
}

/** The scheme among some injections whose token goes into the request; there is one at most. */
export function tokenSchemeOf(injections: readonly Injection[]): TokenScheme | undefined {
  return injections.find((injection) => 'scheme' in injection && isTokenScheme(injection)) as TokenScheme | undefined;
}

/** What an injection occupies; `basic` and tokens are the Authorization header, and a header is named canonically. */
export function slotKeys(injection: Injection): readonly string[] {
  if (isScheme(injection)) {
    const { headers, query } = schemeSlots(injection);
    return [...headers.map(headerSlotKey), ...query.map((name) => `query ${name}`)];
  }
  if ('scheme' in injection) return isTokenScheme(injection) ? [headerSlotKey('authorization')] : [];
  switch (injection.in) {
    case 'header':
      return [headerSlotKey(injection.name)];
    case 'query':
    case 'cookie':
      return [`${injection.in} ${injection.name}`];
    case 'basic':
      return [headerSlotKey('authorization')];
    case 'path':
      return ['path'];
    case 'body':
      return [`body ${foldName('pointer' in injection ? injection.pointer : injection.field)}`];
  }
}

/** The slot key of a header slot that a request's header of this name would stand in. */
export function headerSlotKey(name: string): string {
  return `header ${canonicalHeaderName(name)}`;
}

/** The field names some injections refer to. */
export function injectedFields(injections: readonly Injection[]): ReadonlySet<string> {
  return new Set(
    injections.flatMap((injection) =>
      'scheme' in injection && isTokenScheme(injection) ? tokenFields(injection) : fieldsOf(injection),
    ),
  );
}

/** The field names whose values answers are searched for: all but of a key that is shown to nobody. */
export function searchedFields(injections: readonly Injection[]): ReadonlySet<string> {
  return new Set(
    injections.flatMap((injection) =>
      'scheme' in injection && isTokenScheme(injection)
        ? namedFields(shownTemplates(injection))
        : 'scheme' in injection && injection.scheme === 'mtls'
          ? []
          : fieldsOf(injection),
    ),
  );
}

function fieldsOf(injection: Slot | Scheme | Postgres | Mtls): readonly string[] {
  if ('scheme' in injection && injection.scheme === 'mtls') return mtlsFields(injection);
  if ('scheme' in injection && injection.scheme === 'postgres') return namedFields([injection.password]);
  if (isScheme(injection)) return schemeFields(injection);
  return namedFields(injection.in === 'basic' ? [injection.user, injection.pass] : [injection.value]);
}

function parseInjection(value: unknown): Injection {
  if (isObject(value) && Object.hasOwn(value, 'scheme'))
    return value.scheme === 'postgres'
      ? parsePostgres(value)
      : value.scheme === 'mtls'
        ? parseMtls(value)
        : isTokenScheme(value)
          ? parseTokenScheme(value)
          : parseScheme(value);
  const { in: place } = exactObject(value, 'An injection', ['in'], MEMBERS);
  switch (place) {
    case 'header':
    case 'query':
    case 'cookie': {
      const slot = exactObject(value, 'An injection', ['in', 'name', 'value']);
      return Object.freeze({
        in: place,
        name: parseSlotName(place, slot.name),
        value: parseTemplate(slot.value, true),
      });
    }
    case 'basic': {
      const slot = exactObject(value, 'A basic injection', ['in', 'user', 'pass']);
      const [user, pass] = [parseTemplate(slot.user, false), parseTemplate(slot.pass, false)];
      if (injectedFields([{ in: 'basic', user, pass }]).size === 0) refuse('A basic injection must name a field.');
      return Object.freeze({ in: place, user, pass });
    }
    case 'path': {
      const slot = exactObject(value, 'A path injection', ['in', 'value'], ['segment']);
      const segment = slot.segment === undefined ? 0 : integer(slot.segment, '"segment"', 0, MAX_SEGMENT);
      return Object.freeze({ in: place, value: parseTemplate(slot.value, true), segment });
    }
    case 'body': {
      const slot = exactObject(value, 'A body injection', ['in', 'value'], ['pointer', 'field']);
      if ((slot.pointer === undefined) === (slot.field === undefined))
        refuse('A body injection has a "pointer" into JSON or the name of a form "field", one of the two.');
      const template = parseTemplate(slot.value, true);
      if (slot.field === undefined)
        return Object.freeze({ in: place, pointer: parsePointer(slot.pointer, 'a body injection'), value: template });
      const field = parseSlotName('body', slot.field);
      assertNoOverride(field);
      return Object.freeze({ in: place, field, value: template });
    }
    default:
      return refuse('An injection goes into a header, query, cookie, basic, path or body slot.');
  }
}
