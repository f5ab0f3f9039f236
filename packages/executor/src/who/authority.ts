/**
 * The executor's client to the authority (§6): envelopes, signing keys, the status stream, records. Every request carries a
 * fresh proof by the identity key. Never follows a redirect, never trusts an answer's size, and never sends a secret.
 */
import { randomUUID } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import {
  DAuthError,
  exactObject,
  integer,
  isObject,
  LIMITS,
  parseConnectionStatus,
  parseEndorsements,
  parseJson,
  text,
  TYP,
  type ConnectionHandle,
  type ConnectionStatus,
} from '@dauth/protocol';
import { sha256Base64url, type FetchLike } from '@dauth/verify';
import type { Dispatcher } from 'undici';
import type { Identity } from '../secret/keys.ts';
import { Agent, request } from '../wire/http-client.ts';

/** A stored version as the authority serves it. Nothing in it is believed before its checks. */
export interface StoredEnvelope {
  readonly envelope: string;
  readonly sealProof: string;
  readonly endorsements: readonly string[];
  /** The executor's statement about a version that it sealed again. */
  readonly reseal?: string;
  readonly ver: number;
  readonly status: ConnectionStatus;
  readonly revision: number;
}

/** An open status stream. */
export interface StatusConnection {
  /** `jti` of the request's proof: what every message must have as `sid`. */
  readonly sid: string;
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** The authority, as the rest of the executor sees it. */
export interface Authority {
  /** @throws DAuthError `CONNECTION_NOT_FOUND`, `ENCLAVE_UNAVAILABLE` */
  envelope(handle: ConnectionHandle): Promise<StoredEnvelope>;
  openStatus(since: number): Promise<StatusConnection>;
  /** @throws DAuthError `ENCLAVE_UNAVAILABLE` where the authority did not take them */
  postRecords(records: readonly string[], checkpoint: string): Promise<void>;
  /**
   * Asks for the lease before an exchange that may rotate.
   * @param holder this node's URL
   * @param isOnce for a code: no other is given for this version, to anybody
   * @throws DAuthError `ENCLAVE_UNAVAILABLE` where it is not given, `NEEDS_REAUTHORIZATION` where the one there was has ended
   */
  lease(handle: ConnectionHandle, ver: number, holder: string, isOnce?: boolean): Promise<void>;
  /**
   * Stores a version that was made out of the current one; the same again is taken again.
   * @returns the revision it stands at; null where its owner's word came first
   * @throws DAuthError `ENCLAVE_UNAVAILABLE` where nobody knows
   */
  storeReseal(handle: ConnectionHandle, envelope: string, reseal: string): Promise<number | null>;
  /** @throws DAuthError `ENCLAVE_UNAVAILABLE` */
  needsReauthorization(handle: ConnectionHandle, ver: number): Promise<void>;
  readonly fetch: FetchLike;
  close(): Promise<void>;
}

export interface AuthorityOptions {
  readonly issuer: string;
  readonly identity: Identity;
  /** Whose certificate it may show. */
  readonly trust: () => SecureContext;
  /** Unix seconds. */
  readonly now: () => number;
}

type Asked = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & { readonly method?: 'POST' };

const CONNECT_MS = 3_000;
const ANSWER_MS = 5_000;
/** A whole exchange: `bodyTimeout` starts anew with each octet, so an answer could drip for ever. */
const TOTAL_MS = 10_000;
const MAX_ANSWER = LIMITS.envelope + 16 * LIMITS.proof;

/** Connects to the authority at `issuer`. */
export function connectAuthority(options: AuthorityOptions): Authority {
  const { issuer, identity, now } = options;
  const secureContext = issuer.startsWith('https:') ? { secureContext: options.trust() } : {};
  const agent = new Agent({
    connect: { timeout: CONNECT_MS, ...secureContext },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
    connections: 16,
  });
  const ask = (url: string, options: Asked): Promise<Dispatcher.ResponseData> => {
    const { origin, pathname, search } = new URL(url);
    return request(agent, { method: 'GET', ...options, origin, path: `${pathname}${search}` });
  };
  const prove = (htm: string, url: string, body?: string) => {
    const jti = randomUUID();
    const digest = body === undefined ? {} : { body_sha256: sha256Base64url(body) };
    const proof = identity.sign(TYP.executorProof, { htm, htu: url.split('?', 1)[0], iat: now(), jti, ...digest });
    return { jti, headers: { 'dauth-executor-proof': proof } };
  };
  const post = async (path: string, content: object): Promise<{ status: number; text: string }> => {
    const url = `${issuer}${path}`;
    const body = JSON.stringify(content);
    const headers = { ...prove('POST', url, body).headers, 'content-type': 'application/json' };
    const answer = await reaching(ask(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(TOTAL_MS) }));
    return { status: answer.statusCode, text: await reaching(readBody(answer)) };
  };
  return {
    async envelope(handle) {
      const url = `${issuer}/executor/envelopes/${handle}`;
      const answer = await reaching(
        ask(url, { headers: prove('GET', url).headers, signal: AbortSignal.timeout(TOTAL_MS) }),
      );
      const body = await reaching(readBody(answer));
      if (answer.statusCode === 404) throw new DAuthError('CONNECTION_NOT_FOUND');
      if (answer.statusCode !== 200) throw unreachable();
      return parseStored(body);
    },
    async openStatus(since) {
      const url = `${issuer}/executor/status?since=${since}`;
      const { jti, headers } = prove('GET', url);
      const controller = new AbortController();
      const answer = await reaching(ask(url, { headers, bodyTimeout: 0, signal: controller.signal }));
      if (answer.statusCode !== 200) {
        controller.abort();
        answer.body.on('error', () => undefined);
        throw unreachable();
      }
      return { sid: jti, body: answer.body, close: () => controller.abort() };
    },
    async postRecords(records, checkpoint) {
      const { status } = await post('/executor/records', { records, checkpoint });
      if (status !== 204 && status !== 200) throw unreachable();
    },
    async lease(handle, ver, holder, isOnce = false) {
      const asked = { ver, holder, ...(isOnce ? { once: true } : {}) };
      const { status, text: body } = await post(`/executor/leases/${handle}`, asked);
      if (status !== 200 && isOnce && codeOf(body) === 'NEEDS_REAUTHORIZATION')
        throw new DAuthError('NEEDS_REAUTHORIZATION');
      if (status !== 200) throw unreachable();
    },
    async storeReseal(handle, envelope, reseal) {
      const { status, text: body } = await post(`/executor/envelopes/${handle}`, { envelope, reseal });
      if (status !== 200 && isOwnersWord(body)) return null;
      if (status !== 200) throw unreachable();
      return parseStoredRevision(body);
    },
    async needsReauthorization(handle, ver) {
      const { status } = await post(`/executor/reauthorizations/${handle}`, { ver });
      if (status !== 204) throw unreachable();
    },
    fetch: async (url, { headers, signal }) => asResponse(await ask(url, { headers, signal })),
    close: () => agent.destroy(),
  };
}

/** The part of a `Response` that is read of a key set. No redirect was followed, for a dispatcher knows none. */
function asResponse({ statusCode: status, headers, body }: Dispatcher.ResponseData): Response {
  // Whoever refuses an answer by its head reads no further, and what it then ends with is nobody's.
  body.on('error', () => undefined);
  const get = (name: string): string | null => [headers[name] ?? []].flat().join(', ') || null;
  return { status, redirected: false, headers: { get }, body } as unknown as Response;
}

async function readBody(answer: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of answer.body) {
    octets += (chunk as Buffer).length;
    if (octets > MAX_ANSWER) throw unreachable();
    chunks.push(chunk as Buffer);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

function parseStored(body: string): StoredEnvelope {
  try {
    const names = ['envelope', 'seal_proof', 'ver', 'status', 'revision'];
    const stored = exactObject(parseJson(body, MAX_ANSWER), 'A stored envelope', names, ['endorsements', 'reseal']);
    return Object.freeze({
      envelope: text(stored.envelope, '"envelope"', LIMITS.envelope),
      sealProof: text(stored.seal_proof, '"seal_proof"', LIMITS.proof),
      endorsements:
        stored.endorsements === undefined || stored.endorsements === null ? [] : parseEndorsements(stored.endorsements),
      ...(stored.reseal === undefined ? {} : { reseal: text(stored.reseal, '"reseal"', LIMITS.proof) }),
      ver: integer(stored.ver, '"ver"', 1, 2 ** 31),
      status: parseConnectionStatus(stored.status),
      revision: integer(stored.revision, '"revision"', 0, Number.MAX_SAFE_INTEGER),
    });
  } catch (cause) {
    throw unreachable(cause);
  }
}

/**
 * Whether the authority says that a connection is revoked, deleted or at another version. What stands before it may answer with
 * such a status too, and what is stored nowhere else must not be given up for that.
 */
function isOwnersWord(body: string): boolean {
  return ['CONNECTION_REVOKED', 'CONNECTION_NOT_FOUND', 'CONFLICT'].includes(codeOf(body));
}

/** Of a problem document; empty where it is none. */
function codeOf(body: string): string {
  try {
    const said = parseJson(body, MAX_ANSWER);
    return isObject(said) ? String(said.code) : '';
  } catch {
    return '';
  }
}

function parseStoredRevision(body: string): number {
  try {
    const stored = exactObject(parseJson(body, MAX_ANSWER), 'What was stored', ['ver', 'revision']);
    return integer(stored.revision, '"revision"', 0, Number.MAX_SAFE_INTEGER);
  } catch (cause) {
    throw unreachable(cause);
  }
}

async function reaching<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (cause) {
    throw cause instanceof DAuthError ? cause : unreachable(cause);
  }
}

function unreachable(cause?: unknown): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', undefined, { cause });
}
