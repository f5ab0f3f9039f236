/**
 * Envelope v2, the sealed credential (§2): a compact JWE with HPKE integrated encryption. This is its one codec.
 * Never opens or seals: it reads the public, authenticated header and hands on opaque bytes.
 */
import { parseCapture, parseCaptured, type Capture, type Captured } from './capture.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { parseEchoes, type Echoes } from './echoes.ts';
import { DAuthError } from './errors.ts';
import { parseHandle, type ConnectionHandle } from './handle.ts';
import {
  bodySlots,
  certificateOf,
  injectedFields,
  loginOf,
  parseInjections,
  tokenSchemeOf,
  type Injection,
} from './inject.ts';
import { isObject, parseJson, type JsonObject } from './json.ts';
import { parseThumbprint } from './jwk.ts';
import { LIMITS } from './limits.ts';
import { parseResource, type Origin } from './origin.ts';
import { parseAllow, type AllowRule } from './policy.ts';
import { parseConnectionLimits, type ConnectionLimits } from './quota.ts';
import { parseResponseHeaders } from './response-headers.ts';
import { assertOverTls } from './scheme-mtls.ts';
import { assertSessions } from './scheme-postgres.ts';
import { distinct, exactObject, integer, list, refuse, seconds, text } from './shape.ts';
import { parseSpki, type SpkiPins } from './spki.ts';
import { assertNoTarget, endpointParts } from './token-endpoint.ts';
import { endpointsOf, type TokenScheme } from './token-scheme.ts';
import { TYP } from './typ.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** Everything about one HPKE suite (draft-ietf-jose-hpke-encrypt §8, RFC 9180 §7). */
export interface Suite {
  readonly alg: SuiteAlg;
  readonly kty: 'EC' | 'OKP';
  readonly crv: 'P-256' | 'X25519';
  readonly kem: number;
  readonly kdf: number;
  readonly aead: number;
  /** Octets of the encapsulated key, of the AEAD key and of its tag. */
  readonly enc: number;
  readonly key: number;
  readonly tag: number;
}

export type SuiteAlg = 'HPKE-0' | 'HPKE-3' | 'HPKE-4' | 'HPKE-7';

const P256 = { kty: 'EC', crv: 'P-256', kem: 0x0010, kdf: 0x0001, enc: 65, tag: 16 } as const;
const X25519 = { kty: 'OKP', crv: 'X25519', kem: 0x0020, kdf: 0x0001, enc: 32, tag: 16 } as const;

/** The suites an opening key may have; one `kid`, one `alg`. */
export const SUITES: Readonly<Record<SuiteAlg, Suite>> = Object.freeze({
  __proto__: null as never,
  'HPKE-0': { alg: 'HPKE-0', ...P256, aead: 0x0001, key: 16 },
  'HPKE-3': { alg: 'HPKE-3', ...X25519, aead: 0x0001, key: 16 },
  'HPKE-4': { alg: 'HPKE-4', ...X25519, aead: 0x0003, key: 32 },
  'HPKE-7': { alg: 'HPKE-7', ...P256, aead: 0x0002, key: 32 },
});

/** @throws DAuthError `INVALID_REQUEST` for an algorithm that is not in the table */
export function parseSuite(alg: unknown): Suite {
  if (typeof alg !== 'string' || !Object.hasOwn(SUITES, alg))
    refuse('An envelope uses an algorithm that is not known here.');
  return SUITES[alg as SuiteAlg];
}

export interface Pins {
  /** Thumbprints of client keys; at least one when present. */
  readonly jkt?: readonly string[];
  /** Thumbprints of MCP server keys. */
  readonly server_jkt?: readonly string[];
}

/** The policy sealed with a credential; public, and authenticated by being the AEAD's additional data. */
export interface EnvelopePolicy {
  readonly handle: ConnectionHandle;
  readonly ver: number;
  readonly iss: string;
  readonly org: string;
  readonly owner: string;
  readonly connection: string;
  readonly servers: readonly string[];
  readonly allow: readonly AllowRule[];
  readonly inject: readonly Injection[];
  readonly pin?: Pins;
  readonly limits?: ConnectionLimits;
  readonly spki?: readonly SpkiPins[];
  /** Headers of answers that else end in the executor. */
  readonly response_headers?: readonly string[];
  /** Of answers that hold the credential; absent means that stars stand in its place. */
  readonly echoes?: Echoes;
  /** What is taken out of its answers, and into which connection. */
  readonly capture?: Capture;
  /** Out of which connection's answers its credential comes. */
  readonly captured?: Captured;
  readonly bearer: boolean;
  readonly iat: number;
  readonly exp: number;
}

export interface EnvelopeHeader {
  readonly alg: SuiteAlg;
  /** RFC 7638 thumbprint of the opening key. */
  readonly kid: string;
  readonly typ: typeof TYP.credential;
  readonly crit: readonly ['dauth'];
  readonly dauth: EnvelopePolicy;
}

export interface Envelope {
  readonly header: EnvelopeHeader;
  /** The first segment as it stood on the wire: its ASCII octets are the HPKE `aad`. */
  readonly protectedSegment: string;
  readonly enc: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const CONNECTION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** @throws DAuthError `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE` */
export function parseEnvelope(compact: string): Envelope {
  if (compact.length > LIMITS.envelope)
    throw new DAuthError('PAYLOAD_TOO_LARGE', 'An envelope is larger than allowed.');
  const segments = compact.split('.');
  const [protectedSegment, enc, iv, ciphertext, tag] = segments;
  // RFC 7516 §7.1 with the empty iv and tag of integrated encryption.
  if (segments.length !== 5 || !protectedSegment || !enc || iv !== '' || !ciphertext || tag !== '') {
    refuse('An envelope is not a compact JWE with integrated encryption.');
  }
  const header = parseHeader(decodeBase64url(protectedSegment));
  const suite = SUITES[header.alg];
  const envelope = { header, protectedSegment, enc: decodeBase64url(enc), ciphertext: decodeBase64url(ciphertext) };
  const plaintext = envelope.ciphertext.length - suite.tag;
  if (envelope.enc.length !== suite.enc) refuse('The encapsulated key of an envelope has the wrong length.');
  if (plaintext < LIMITS.plaintextBlock || plaintext > LIMITS.plaintext || plaintext % LIMITS.plaintextBlock !== 0) {
    refuse('The ciphertext of an envelope has a length that no credential has.');
  }
  return envelope;
}

/**
 * Writes a header as the protected segment, in one fixed member order, after reading it back strictly.
 * @throws DAuthError `INVALID_REQUEST` for a header that `parseEnvelope` would refuse
 */
export function encodeEnvelopeHeader(header: EnvelopeHeader): string {
  const { alg, kid, typ, crit, dauth } = header;
  const { handle, ver, iss, org, owner, connection, servers, allow, inject } = dauth;
  const { pin, limits, spki, response_headers, echoes, capture, captured, bearer, iat, exp } = dauth;
  const policy = {
    ...{ handle, ver, iss, org, owner, connection, servers, allow, inject },
    ...{ pin, limits, spki, response_headers, echoes, capture, captured, bearer, iat, exp },
  };
  const bytes = encodeUtf8(JSON.stringify({ alg, kid, typ, crit, dauth: policy }));
  parseHeader(bytes);
  return encodeBase64url(bytes);
}

/** Completes an envelope from its four parts. */
export function joinEnvelope(protectedSegment: string, enc: Uint8Array, ciphertext: Uint8Array): string {
  return `${protectedSegment}.${encodeBase64url(enc)}..${encodeBase64url(ciphertext)}.`;
}

function parseHeader(bytes: Uint8Array): EnvelopeHeader {
  if (bytes.length > LIMITS.envelopeHeader)
    throw new DAuthError('PAYLOAD_TOO_LARGE', 'The header of an envelope is larger than allowed.');
  const header = exactObject(parseJson(decodeUtf8(bytes), LIMITS.envelopeHeader), 'The header of an envelope', [
    'alg',
    'kid',
    'typ',
    'crit',
    'dauth',
  ]);
  if (header.typ !== TYP.credential) refuse('An envelope has the wrong type.');
  if (!Array.isArray(header.crit) || header.crit.length !== 1 || header.crit[0] !== 'dauth') {
    refuse('An envelope must name "dauth", and nothing else, as critical.');
  }
  return Object.freeze({
    alg: parseSuite(header.alg).alg,
    kid: parseThumbprint(header.kid, 'The key id of an envelope'),
    typ: TYP.credential,
    crit: ['dauth'] as const,
    dauth: parsePolicy(header.dauth),
  });
}

function parsePolicy(value: unknown): EnvelopePolicy {
  const policy = exactObject(
    value,
    '"dauth"',
    ['handle', 'ver', 'iss', 'org', 'owner', 'connection', 'servers', 'allow', 'inject', 'iat', 'exp'],
    ['pin', 'limits', 'spki', 'response_headers', 'echoes', 'capture', 'captured', 'bearer'],
  );
  const [iat, exp] = [seconds(policy.iat, '"iat"'), seconds(policy.exp, '"exp"')];
  if (exp <= iat) refuse('"exp" must be later than "iat".');
  // Only absence is the default: `null` would mean "no" here and something else to whoever tests for absence.
  const bearer = policy.bearer === undefined ? false : policy.bearer;
  if (typeof bearer !== 'boolean') refuse('"bearer" must be true or false.');
  if (bearer && policy.pin !== undefined)
    refuse('"bearer" and "pin" exclude each other: a bearer token has no key to pin.');
  const inject = parseInjections(policy.inject);
  if (injectedFields(inject).size > LIMITS.fields) refuse('"inject" names too many fields.');
  const allow = parseAllow(policy.allow);
  // RFC 9110 §9.3.1 and 2: content of these means nothing, and every slot of a request is filled or nothing is sent.
  if (bodySlots(inject).length > 0 && allow.some(({ methods }) => methods.some((method) => BODILESS.has(method))))
    refuse('A credential that goes into the body allows methods that have one only: not GET, not HEAD.');
  const isDatabase = loginOf(inject) !== undefined;
  assertSessions(isDatabase, allow);
  if (certificateOf(inject) !== undefined) assertOverTls(allow);
  const scheme = tokenSchemeOf(inject);
  if (scheme !== undefined) for (const endpoint of endpointsOf(scheme)) assertNoTarget(endpoint, allow);
  if (policy.capture !== undefined && policy.captured !== undefined)
    refuse('"capture" and "captured" exclude each other: what is captured captures nothing.');
  const handle = parseHandle(policy.handle);
  return Object.freeze({
    handle,
    ver: integer(policy.ver, '"ver"', 1, 2 ** 31),
    iss: parseResource(policy.iss),
    org: text(policy.org, '"org"', 128),
    owner: text(policy.owner, '"owner"', 256),
    connection: parseConnectionName(policy.connection),
    servers: distinct(list(policy.servers, '"servers"', 1, LIMITS.policyNames, parseResource), '"servers"', String),
    allow,
    inject,
    ...(policy.pin === undefined ? {} : { pin: parsePins(policy.pin) }),
    ...(policy.limits === undefined ? {} : { limits: parseConnectionLimits(policy.limits) }),
    ...(policy.spki === undefined ? {} : { spki: parseSpki(policy.spki, originsOf(allow, scheme)) }),
    ...(policy.response_headers === undefined
      ? {}
      : { response_headers: parseResponseHeaders(policy.response_headers) }),
    ...(policy.echoes === undefined ? {} : { echoes: parseEchoes(policy.echoes, { allow, isDatabase }) }),
    ...parseCaptures(policy, handle, allow, inject),
    bearer,
    iat,
    exp,
  });
}

/** What the answers of the one are to the other (§2.8). */
function parseCaptures(
  { capture, captured, response_headers: released }: JsonObject,
  handle: ConnectionHandle,
  allow: readonly AllowRule[],
  inject: readonly Injection[],
): Pick<EnvelopePolicy, 'capture' | 'captured'> {
  const isDatabase = loginOf(inject) !== undefined;
  const isExchanged = isDatabase || tokenSchemeOf(inject) !== undefined;
  return {
    ...(capture === undefined
      ? {}
      : { capture: parseCapture(capture, { handle, allow, isDatabase, releases: released !== undefined }) }),
    ...(captured === undefined
      ? {}
      : { captured: parseCaptured(captured, { handle, injected: injectedFields(inject), isExchanged }) }),
  };
}

/** Everything that the credential is sent to. */
function originsOf(allow: readonly AllowRule[], scheme: TokenScheme | undefined): readonly Origin[] {
  const origins = allow.map(({ origin }) => origin);
  return scheme === undefined
    ? origins
    : [...origins, ...endpointsOf(scheme).map((endpoint) => endpointParts(endpoint).origin)];
}

/** The name by which tools ask for a connection: 1–64 of `A-Z a-z 0-9 . _ -`. @throws DAuthError `INVALID_REQUEST` */
export function parseConnectionName(value: unknown): string {
  if (typeof value !== 'string' || !CONNECTION_NAME.test(value)) {
    refuse('A connection name is 1 to 64 letters, digits, ".", "_" or "-", and starts with a letter or digit.');
  }
  return value;
}

function parsePins(value: unknown): Pins {
  if (!isObject(value) || Object.keys(value).length === 0) refuse('"pin" must name at least one key, or be absent.');
  const pins = exactObject(value, '"pin"', [], ['jkt', 'server_jkt']);
  const keys = (of: unknown, what: string) =>
    distinct(
      list(of, what, 1, LIMITS.policyNames, (item) => parseThumbprint(item, what)),
      what,
      String,
    );
  return Object.freeze({
    ...(pins.jkt === undefined ? {} : { jkt: keys(pins.jkt, '"pin.jkt"') }),
    ...(pins.server_jkt === undefined ? {} : { server_jkt: keys(pins.server_jkt, '"pin.server_jkt"') }),
  });
}
