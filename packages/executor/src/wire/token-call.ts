/**
 * One exchange of a credential for a token (§2.6): the request to the token endpoint, and what its answer is worth.
 * Never passes on what the endpoint said: its answer holds a credential, so callers hear a code and a sentence of ours.
 */
import type { Readable } from 'node:stream';
import {
  DAuthError,
  endpointParts,
  idJagRequest,
  LIMITS,
  type ErrorCode,
  type IdJag,
  type Method,
  type TokenScheme,
} from '@dauth/protocol';
import { whyUnfindable } from '../secret/inject.ts';
import type { KeptAssertions } from '../secret/kept-assertions.ts';
import { keepToken, type KeptToken } from '../secret/kept-token.ts';
import { wipe } from '../secret/memory.ts';
import { readIdJag, readInstallationToken, readTokenAnswer, type TokenAnswer } from '../secret/token-answer.ts';
import { signAssertion, signingAlg, type SignedAssertion } from '../secret/token-assertion.ts';
import { fillTokenRequest } from '../secret/token-request.ts';
import { ByteWriter } from '../secret/writer.ts';
import type { UpstreamRequest } from './call.ts';
import { untaken } from './faults.ts';
import type { Turns } from './turns.ts';
import type { Upstream } from './upstream.ts';

/** An exchange that passed steps 1 to 5 of a dispatch. `address` is what `Upstream.check` answered for the endpoint's origin. */
export type TokenAsk = Pick<
  UpstreamRequest,
  'connection' | 'address' | 'pins' | 'injections' | 'open' | 'beforeSend' | 'timeoutMs' | 'signal'
> & {
  /** Whose credential it is. */
  readonly owner: string;
  readonly scheme: TokenScheme;
  /** Of the identity provider that is asked first, where the scheme has one. */
  readonly idp?: Pick<UpstreamRequest, 'address' | 'pins'>;
};

export interface ObtainedToken {
  readonly token: KeptToken;
  /** As the endpoint said; null where it did not say it plainly. */
  readonly expiresIn: number | null;
}

/** Milliseconds: a dispatch waits for it before its own request goes out. */
const TOTAL_MS = 20_000;

/** What asks, and by which clocks. */
export interface Asker {
  readonly upstream: Pick<Upstream, 'call' | 'isFreedOverwritten'>;
  /** Unix seconds, of what is signed. */
  readonly now: number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  /** Where assertions go before anybody is shown them. */
  readonly assertions: Pick<KeptAssertions, 'add'>;
  /** In which signatures are made. */
  readonly turns: Pick<Turns, 'take'>;
}

/** @throws DAuthError `DOWNSTREAM_*`, `RATE_LIMITED`, and whatever `open` and `beforeSend` throw */
export async function askForToken(asker: Asker, ask: TokenAsk): Promise<ObtainedToken> {
  const { now } = asker;
  const { idp: _, ...own } = ask;
  const { scheme, timeoutMs = TOTAL_MS } = own;
  const endsAt = asker.monotonic() + Math.min(timeoutMs, TOTAL_MS);
  const grant = scheme.scheme === 'id_jag' ? await askForIdJag(asker, { ...ask, scheme }, endsAt) : undefined;
  return signAndExchange(asker, { ...own, grant }, endsAt, (octets) => {
    const said = isGithub(scheme) ? readInstallationToken(octets, now) : readTokenAnswer(octets);
    if (said === null) throw unusable();
    return keep(said, ask);
  });
}

/** The first of two: what the identity provider gives is sealed until it is shown to the server it is for, once. */
function askForIdJag(
  asker: Asker,
  { scheme, idp, ...ask }: TokenAsk & { readonly scheme: IdJag },
  endsAt: number,
): Promise<KeptToken> {
  if (idp === undefined) throw new TypeError('The address of the identity provider was not checked.');
  // Its own pins or none: those of the other server are not its.
  const asked = {
    ...ask,
    address: idp.address,
    pins: idp.pins,
    scheme: idJagRequest(scheme),
    asked: IDENTITY_PROVIDER,
  };
  const none = (): DAuthError => unusable(IDENTITY_PROVIDER);
  return signAndExchange(asker, asked, endsAt, (octets) => {
    const said = readIdJag(octets);
    if (said === null) throw none();
    const { token, expiresIn } = keep(said, ask, none);
    asker.assertions.add(ask.connection, token, expiresIn);
    return token;
  });
}

/** What errors call whoever is asked, and what it was asked for. */
interface Named {
  readonly name: string;
  readonly gives: string;
}

const TOKEN_ENDPOINT: Named = { name: 'token endpoint', gives: 'a bearer token' };
const IDENTITY_PROVIDER: Named = { name: 'identity provider', gives: 'an ID-JAG' };

interface Told {
  /** What was given by whoever was asked before. */
  readonly grant?: KeptToken | undefined;
  /** Of a scheme that has one. */
  readonly assertion?: SignedAssertion | undefined;
  readonly asked?: Named;
}

/**
 * Asked before anything is opened for a scheme, and before any of its servers is asked: what the first gives would be for nothing.
 * @throws DAuthError `POLICY_DENIED` for a key of P-256 that signs for one of them, where pieces of it would stay in freed memory
 */
export function assertKeysTaken(scheme: TokenScheme, upstream: Pick<Upstream, 'isFreedOverwritten'>): void {
  const all = scheme.scheme === 'id_jag' ? [scheme, idJagRequest(scheme)] : [scheme];
  if (all.some((one) => signingAlg(one) === 'ES256') && !upstream.isFreedOverwritten())
    throw untaken('key of P-256 that signs');
}

/**
 * What a scheme signs for its request, in a turn of its own: signing holds the event loop.
 * @throws DAuthError `RATE_LIMITED`, `DOWNSTREAM_TIMEOUT`, `POLICY_DENIED`, and whatever `open` and `beforeSend` throw
 */
export async function sign(
  { turns, now, upstream }: Pick<Asker, 'turns' | 'now' | 'upstream'>,
  ask: Pick<TokenAsk, 'owner' | 'scheme' | 'injections' | 'open' | 'beforeSend' | 'timeoutMs' | 'signal'>,
): Promise<SignedAssertion | undefined> {
  const { owner, scheme, injections, open, beforeSend, timeoutMs = TOTAL_MS, signal } = ask;
  if (signingAlg(scheme) === undefined) return undefined;
  assertKeysTaken(scheme, upstream);
  const work = (): SignedAssertion => {
    using plaintext = open();
    beforeSend();
    return signAssertion(plaintext, injections, scheme, now);
  };
  return turns.take(work, { owner, ms: Math.min(timeoutMs, TOTAL_MS), signal });
}

/** Both in the time that is left. */
async function signAndExchange<T>(
  asker: Asker,
  ask: Omit<TokenAsk, 'idp'> & Told,
  endsAt: number,
  read: (octets: Buffer) => T,
): Promise<T> {
  const left = (): number => Math.max(endsAt - asker.monotonic(), 1);
  const { owner, ...own } = ask;
  const assertion = await sign(asker, { ...own, owner, timeoutMs: left() });
  return exchange(asker, { ...own, assertion, timeoutMs: left() }, read);
}

/**
 * One request to a token endpoint.
 * @param read takes what an answer with a token holds, in the tick in which the last of it came; its octets are zeroed behind it
 * @param isGone says of what another answer holds whether the grant is gone
 * @throws as `askForToken`, and `NEEDS_REAUTHORIZATION`
 */
export async function exchange<T>(
  { upstream, assertions }: Pick<Asker, 'upstream' | 'assertions'>,
  ask: Omit<TokenAsk, 'idp' | 'owner'> & Pick<UpstreamRequest, 'isSteadfast'> & Told,
  read: (octets: Buffer) => T,
  isGone: (octets: Buffer) => boolean = () => false,
): Promise<T> {
  const { scheme, injections, timeoutMs = TOTAL_MS, grant, assertion, asked = TOKEN_ENDPOINT, ...request } = ask;
  const answer = await upstream.call({
    ...request,
    method: 'POST' as Method,
    target: endpointParts(scheme.endpoint).target,
    headers: [],
    body: null,
    injections: [],
    asks(plaintext) {
      if (assertion !== undefined) assertions.add(request.connection, assertion.signature, assertion.seconds);
      return fillTokenRequest(plaintext, injections, scheme, { grant, assertion: assertion?.jwt });
    },
    timeoutMs: Math.min(timeoutMs, TOTAL_MS),
    maxResponseBytes: LIMITS.tokenAnswer,
  });
  const octets = await readWhole(answer.body);
  try {
    if ([400, 401].includes(answer.status) && isGone(octets)) throw new DAuthError('NEEDS_REAUTHORIZATION');
    if (answer.status !== successOf(scheme)) throw refusal(answer.status, asked);
    return read(octets);
  } finally {
    wipe(octets);
  }
}

function isGithub({ scheme }: TokenScheme): boolean {
  return scheme === 'github_app';
}

/** The one status that a token comes with. */
function successOf(scheme: TokenScheme): number {
  return isGithub(scheme) ? 201 : 200;
}

/** Sealed in the tick in which it was read, by one more opening. */
function keep(
  { token, expiresIn }: TokenAnswer,
  ask: Pick<TokenAsk, 'open'>,
  refused: () => DAuthError = () => unusable(),
): ObtainedToken {
  try {
    if (whyUnfindable(token) !== null) throw refused();
    using plaintext = ask.open();
    return { token: keepToken(token, plaintext), expiresIn };
  } finally {
    wipe(token);
  }
}

/** Owned memory; each piece is zeroed as it comes. Bounded by the call. */
function readWhole(body: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const whole = new ByteWriter();
    body.on('data', (piece: Buffer) => {
      whole.bytes(piece);
      wipe(piece);
    });
    body.once('end', () => resolve(whole.take()));
    body.once('close', () => whole[Symbol.dispose]());
    body.once('error', reject);
  });
}

const REFUSALS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  408: ['DOWNSTREAM_TIMEOUT', 'did not answer in time.'],
  429: ['DOWNSTREAM_RATE_LIMITED', 'limits the rate of requests. Try again later.'],
};

/** RFC 6749 §5.2: a refusal is a 400 or a 401. Redirects are never followed, so one is no token. */
function refusal(status: number, asked: Named): DAuthError {
  const { name } = asked;
  const [code, what] = REFUSALS[status] ?? [];
  if (code !== undefined) return new DAuthError(code, `The ${name} ${what}`);
  if (status >= 500) return new DAuthError('DOWNSTREAM_UNREACHABLE', `The ${name} failed. Try again shortly.`);
  if (status < 400) return unusable(asked);
  return new DAuthError(
    'DOWNSTREAM_AUTH_FAILURE',
    `The ${name} refused the credential, or what is asked for with it. Its owner has to seal a working one.`,
  );
}

export function unusable({ name, gives }: Named = TOKEN_ENDPOINT): DAuthError {
  return new DAuthError(
    'DOWNSTREAM_AUTH_FAILURE',
    `The ${name} did not answer with ${gives} that can be used. Its owner has to check the sealed endpoint.`,
  );
}
