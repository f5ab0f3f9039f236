/**
 * Seals a credential to a verified executor key (spec/dauth.md §2). The one file that may touch HPKE, and it can only seal.
 * HPKE integrated encryption as in draft-ietf-jose-hpke-encrypt-21: `aad` is the protected segment, `info` is empty.
 */
import {
  assertNoKnownTarget,
  certificateOf,
  DAuthError,
  encodeEnvelopeHeader,
  encodeUtf8,
  injectedFields,
  joinEnvelope,
  keyUses,
  LIMITS,
  loginOf,
  makeHandle,
  parseEnvelope,
  parseInjections,
  parseSecureUrl,
  searchedFields,
  TYP,
  type AllowRule,
  type BodyCondition,
  type AwsSigV4,
  type BodySlot,
  type Capture,
  type Captured,
  type ClientCredentials,
  type ClientProofInput,
  type ConnectionHandle,
  type ConnectionLimits,
  type Echoes,
  type EnvelopeHeader,
  type EnvelopePolicy,
  type GraphqlRule,
  type GithubApp,
  type Hmac,
  type IdJag,
  type Injection,
  type JwtBearer,
  type Mtls,
  type OAuth1,
  type OAuth2,
  type Pins,
  type Postgres,
  type SpkiPins,
  type SuiteAlg,
  type TokenExchange,
} from '@dauth/protocol';
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_ChaCha20Poly1305,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_P256_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
} from 'hpke';
import { decodeBase64url } from '@dauth/protocol';
import { assertVerified, type VerifiedExecutor } from './directory.ts';
import { assertCertificate } from './certificate.ts';
import { encodeFields, type Fields } from './fields.ts';
import { signSealProof, type ClientKey } from './key.ts';
import { assertKeysDiffer } from './one-key.ts';
import { assertKeyContainer } from './private-key.ts';

/** The policy an owner seals; plain strings, checked here. */
export interface SealPolicy {
  /** The authority's issuer URL. */
  readonly issuer: string;
  /** Organisation. Default `default`. */
  readonly org?: string;
  /** `sub` of the owner. */
  readonly owner: string;
  /** Name by which tools ask for it. */
  readonly connection: string;
  /** MCP servers (resource URIs) that may use it. */
  readonly servers: readonly string[];
  readonly allow: readonly {
    readonly origin: string;
    readonly methods: readonly string[];
    readonly paths: readonly string[];
    /** Names that a request's query may have; absent means any, and empty no query. */
    readonly query?: readonly string[];
    /** What a request's JSON body must hold, all of it; absent means any body, and none. */
    readonly body?: readonly BodyCondition[];
    /** What a GraphQL request must be; absent means that nobody looks whether it is one. */
    readonly graphql?: GraphqlRule;
    /** Whether a WebSocket may be opened too, by a rule with the method GET alone. */
    readonly websocket?: true;
  }[];
  readonly inject: readonly InjectionInput[];
  readonly pin?: Pins;
  /** How often it may be used; each executor counts for itself. Absent means no limit. */
  readonly limits?: ConnectionLimits;
  /** Keys that TLS to an origin has to lead to, besides a good certificate: SHA-256 of their SubjectPublicKeyInfo, base64url. */
  readonly spki?: readonly { readonly origin: string; readonly sha256: readonly string[] }[];
  /** Headers of answers that else end in the executor: `set-cookie`, `www-authenticate`. */
  readonly responseHeaders?: readonly string[];
  /** `refused`: an answer that holds the credential fails whole. Default: stars stand in its place, and the rest goes back. */
  readonly echoes?: Echoes;
  /** Also for clients without a key of their own, whose tokens work for whoever has them. Excludes `pin`. Default false. */
  readonly bearer?: boolean;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** Of a login: what is taken out of its answers, and into which connection. `sealLogin` seals the two for each other. */
  readonly capture?: Capture;
  /** Of a connection whose credential is captured: out of which login's answers, and for how long. */
  readonly captured?: Captured;
  /** The handle of a new connection, where another one names it. Default: a new one. */
  readonly handle?: ConnectionHandle;
  /** Of a connection that is rotated: its handle and the next version. */
  readonly replaces?: { readonly handle: ConnectionHandle; readonly ver: number };
}

/** An injection as a caller writes it; `segment` of a path slot defaults to 0. */
export type InjectionInput =
  | { readonly in: 'header' | 'query' | 'cookie'; readonly name: string; readonly value: string }
  | { readonly in: 'basic'; readonly user: string; readonly pass: string }
  | { readonly in: 'path'; readonly value: string; readonly segment?: number }
  | BodySlot
  | SchemeInput;

/** A scheme as a caller writes it: what has a default may be left out. */
export type SchemeInput =
  | Loose<AwsSigV4, 'place' | 'content_sha256'>
  | Loose<Hmac, 'key_encoding' | 'encoding'>
  | Loose<OAuth1, 'hash' | 'version'>
  | (Asked<Omit<ClientCredentials, 'auth'>, never> & ClientProofInput)
  | Asked<JwtBearer, 'aud' | 'scope_in' | 'lifetime'>
  | Asked<GithubApp, never>
  | (Asked<Omit<TokenExchange, 'auth'>, never> & (ClientProofInput | { readonly auth?: undefined }))
  | (Asked<Omit<IdJag, 'auth' | 'idp'>, never> & ClientProofInput & { readonly idp: IdpInput })
  | (Asked<Omit<OAuth2, 'auth'>, never> & (ClientProofInput | { readonly auth?: 'none' }))
  | Loose<Postgres, 'auth' | 'statement_timeout_ms'>
  | Mtls;
type IdpInput = Asked<Omit<IdJag['idp'], 'auth'>, never> & ClientProofInput;
type Loose<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;
type Asked<T, K extends keyof T> = Loose<Omit<T, 'endpoint'>, Exclude<K, 'endpoint'>> & { readonly endpoint: string };

export interface SealedCredential {
  readonly handle: ConnectionHandle;
  readonly ver: number;
  readonly envelope: string;
  readonly seal_proof: string;
}

const SUITES: Readonly<Record<SuiteAlg, () => CipherSuite>> = {
  'HPKE-0': () => new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_128_GCM),
  'HPKE-3': () => new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_128_GCM),
  'HPKE-4': () => new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305),
  'HPKE-7': () => new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM),
};

/**
 * Seals. The values in `fields` are zeroed, whatever happens; keep no other copy.
 * @throws DAuthError `UNTRUSTED_EXECUTOR`, `INVALID_REQUEST` with a sentence for what contradicts itself in the policy
 * @example
 * const sealed = await seal({ executor, key, fields: { token: bytes }, policy });
 */
export async function seal(input: {
  readonly executor: VerifiedExecutor;
  readonly key: ClientKey;
  readonly fields: Fields;
  readonly policy: SealPolicy;
}): Promise<SealedCredential> {
  let plaintext: Uint8Array<ArrayBuffer> | undefined;
  try {
    assertVerified(input.executor);
    const header = makeHeader(input.executor, input.policy);
    const { inject, allow, capture, captured } = header.dauth;
    assertFieldsFit(inject, input.fields, captured?.fields ?? []);
    plaintext = encodeFields(input.fields, captured === undefined ? 1 : 0);
    const protectedSegment = encodeEnvelopeHeader(header);
    if (capture === undefined) assertNoKnownTarget(allow);
    const { encapsulatedSecret, ciphertext } = await encrypt(input.executor, protectedSegment, plaintext);
    const envelope = joinEnvelope(protectedSegment, encapsulatedSecret, ciphertext);
    // Read back as every other room will, so that nothing malformed ever leaves this device.
    parseEnvelope(envelope);
    const { handle, ver } = header.dauth;
    return { handle, ver, envelope, seal_proof: await signSealProof(input.key, { handle, ver, envelope }) };
  } finally {
    plaintext?.fill(0);
    for (const value of Object.values(input.fields)) if (value instanceof Uint8Array) value.fill(0);
  }
}

async function encrypt(executor: VerifiedExecutor, protectedSegment: string, plaintext: Uint8Array) {
  const { jwk, alg } = executor.key;
  const suite = SUITES[alg]();
  const point =
    jwk.kty === 'OKP'
      ? decodeBase64url(jwk.x)
      : new Uint8Array([4, ...decodeBase64url(jwk.x), ...decodeBase64url(jwk.y)]);
  try {
    const publicKey = await suite.DeserializePublicKey(point);
    return await suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });
  } catch (cause) {
    // ChaCha20-Poly1305 is younger than the runtimes we support. There is no other suite for that key, and no fallback.
    if (!(cause instanceof Error && cause.name === 'NotSupportedError')) throw cause;
    throw new DAuthError(
      'ENCLAVE_UNAVAILABLE',
      "The executor's key needs an algorithm that this runtime does not have, so nothing was sealed or sent. Use a newer one.",
      { cause },
    );
  }
}

/** @param now milliseconds since the epoch */
export function freshHandle(now: number): ConnectionHandle {
  return makeHandle(now, crypto.getRandomValues(new Uint8Array(10)));
}

function makeHeader(executor: VerifiedExecutor, policy: SealPolicy): EnvelopeHeader {
  const now = Date.now();
  const handle = policy.replaces?.handle ?? policy.handle ?? freshHandle(now);
  const iat = Math.floor(now / 1_000);
  if (policy.expiresAt <= iat) throw new DAuthError('INVALID_REQUEST', 'The expiry lies in the past.');
  const dauth = {
    ...{
      handle,
      ver: policy.replaces?.ver ?? 1,
      iss: policy.issuer,
      org: policy.org ?? 'default',
      owner: policy.owner,
    },
    ...{
      connection: policy.connection,
      servers: policy.servers.map(parseSecureUrl),
      allow: policy.allow as readonly AllowRule[],
    },
    inject: policy.inject.map(normalizeInjection),
    ...(policy.pin === undefined ? {} : { pin: policy.pin }),
    ...(policy.limits === undefined ? {} : { limits: policy.limits }),
    ...(policy.responseHeaders === undefined ? {} : { response_headers: policy.responseHeaders }),
    ...(policy.echoes === undefined ? {} : { echoes: policy.echoes }),
    ...(policy.spki === undefined ? {} : { spki: policy.spki as readonly SpkiPins[] }),
    ...(policy.capture === undefined ? {} : { capture: policy.capture }),
    ...(policy.captured === undefined ? {} : { captured: policy.captured }),
    ...{ bearer: policy.bearer ?? false, iat, exp: policy.expiresAt },
  } satisfies EnvelopePolicy;
  return { alg: executor.key.alg, kid: executor.key.kid, typ: TYP.credential, crit: ['dauth'], dauth };
}

/** Header names have one spelling in an envelope; a caller may write any. */
function normalizeInjection(injection: InjectionInput): Injection {
  if ('scheme' in injection) return parseInjections([injection])[0]!;
  if (injection.in === 'header') return { ...injection, name: injection.name.toLowerCase() };
  if (injection.in === 'path') return { ...injection, segment: injection.segment ?? 0 };
  return injection as Injection;
}

/** @param captured fields that are not sealed but come later */
function assertFieldsFit(inject: readonly Injection[], fields: Fields, captured: readonly string[]): void {
  const used = injectedFields(inject);
  for (const name of captured) {
    if (Object.hasOwn(fields, name))
      throw new DAuthError('INVALID_REQUEST', `The field "${name}" is captured from the login; leave it out.`);
  }
  for (const name of used) {
    if (!captured.includes(name) && !Object.hasOwn(fields, name))
      throw new DAuthError(
        'INVALID_REQUEST',
        `The inject template names the field "${name}", which the credential does not have.`,
      );
  }
  if (Object.keys(fields).some((name) => !used.has(name))) {
    throw new DAuthError('INVALID_REQUEST', 'The credential has a field that no inject template names; leave it out.');
  }
  if (Object.keys(fields).length > LIMITS.fields)
    throw new DAuthError('INVALID_REQUEST', 'The credential has too many fields.');
  for (const name of searchedFields(inject)) if (!captured.includes(name)) assertSearchable(name, fields[name]!);
  for (const use of keyUses(inject)) if (!captured.includes(use.field)) assertKeyContainer(use, fields[use.field]!);
  assertKeysDiffer(inject, fields);
  const certified = certificateOf(inject);
  if (certified !== undefined) assertCertificate(certified, fields);
  if (loginOf(inject) !== undefined) Object.entries(fields).forEach(([name, value]) => assertPassword(name, value));
}

/** A session cannot be held back until it ends, and SCRAM prepares other text in ways that leave copies of it (§2.7). */
function assertPassword(name: string, value: Uint8Array): void {
  if (value.length < LIMITS.guessableValue || value.some((octet) => octet < 0x20 || octet > 0x7e))
    throw new DAuthError(
      'INVALID_REQUEST',
      `The value of the field "${name}" is a password of a database: printable ASCII, ${LIMITS.guessableValue} characters or more.`,
    );
}

/** What the executor would refuse to inject, because no answer could be searched for it (§2.2): said before it is sealed. */
function assertSearchable(name: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw new TypeError('A field value must be bytes (Uint8Array), never a string.');
  const { shortestValue, injectedValue } = LIMITS;
  const unfit = (why: string) => new DAuthError('INVALID_REQUEST', `The value of the field "${name}" ${why}`);
  if (value.length < shortestValue)
    throw unfit(
      `has fewer than ${shortestValue} octets; leave what is shorter, as a user name, out of the credential.`,
    );
  if (value.length > injectedValue) throw unfit(`has more than ${injectedValue} octets.`);
  if (value[0] === 0x20 || value.at(-1) === 0x20) throw unfit('begins or ends with a space, which HTTP would cut off.');
}
