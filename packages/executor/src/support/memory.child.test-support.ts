/** The process whose memory is looked at: opens sealed envelopes and calls upstreams as told; knows no credential. */
import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  endpointParts,
  endpointsOf,
  loginOf,
  parseEnvelope,
  tokenSchemeOf,
  type CapturedValue,
  type Envelope,
  type SuiteAlg,
  type TokenScheme,
} from '@dauth/protocol';
import { settleBody } from '../body.ts';
import type { DispatchRequest } from '../dispatch.ts';
import { isFreedOverwritten } from '../freed.ts';
import { OPCODE, writeFrame } from '../frames/frame.ts';
import type { Line, LineReader } from '../frames/line.ts';
import { wipe } from '../secret/memory.ts';
import { openEnvelope, type OpeningKey } from '../open.ts';
import { message } from '../postgres/messages.ts';
import { Refreshes } from '../refresh/refreshes.ts';
import { resealEnvelope } from '../reseal.ts';
import { forget, holdOwned } from './memory-held.test-support.ts';
import { Driver, openAt } from './session.test-support.ts';
import type { UpstreamRequest } from '../wire/call.ts';
import type { CaptureAsk } from '../wire/capture.ts';
import { Tokens } from '../wire/tokens.ts';
import { Turns } from '../wire/turns.ts';
import type { TokenAsk } from '../wire/token-call.ts';
import { createUpstream, type Upstream } from '../wire/upstream.ts';

export interface CallOrder {
  readonly origin: string;
  readonly envelope: string;
  readonly method: string;
  readonly target: string;
  readonly body?: string;
  readonly stream?: boolean;
  /** Goes on as a WebSocket, whose caller says one word and answers the close. */
  readonly webSocket?: boolean;
  /** Default `text/plain`. */
  readonly type?: string;
  readonly ver: number;
  /** Port of a database, where the call is a session with it. */
  readonly database?: number;
  /** What is captured out of its answer. */
  readonly capture?: readonly CapturedValue[];
}

export type Order =
  | {
      readonly kind: 'setup';
      readonly ca: string;
      readonly key: JsonWebKey;
      readonly kid: string;
      readonly alg: SuiteAlg;
      readonly publicRaw: string;
      /** Whether what is made in memory of our own is kept from being collected: the newest 64 MiB. */
      readonly holds: boolean;
    }
  /** So many calls in all, taken from these in turn. */
  | { readonly kind: 'calls'; readonly calls: readonly CallOrder[]; readonly times: number; readonly parallel: number }
  | { readonly kind: 'plant'; readonly hex: string }
  /** Octets, each of them inverted, that are put the right way into memory of our own, not zeroed, and forgotten. */
  | { readonly kind: 'forget'; readonly inverted: string }
  /** The envelopes that were made since this was asked last, the newest few. */
  | { readonly kind: 'resealed' }
  | { readonly kind: 'ping' };

type Exchanged = Partial<Pick<UpstreamRequest, 'token' | 'connection' | 'open' | 'former'>>;

/** A caller's end without a socket. */
class Talker implements Line {
  #reader!: LineReader;

  listen(reader: LineReader): void {
    this.#reader = reader;
    this.#say(OPCODE.text, 'a word');
  }

  send(octets: Buffer): boolean {
    if ((octets[0]! & 0x0f) === OPCODE.close) setImmediate(() => this.#say(OPCODE.close, ''));
    wipe(octets);
    return true;
  }

  hold(): void {}

  release(): void {}

  end(): void {
    setImmediate(() => this.#reader.ended());
  }

  destroy(): void {}

  #say(opcode: number, words: string): void {
    this.#reader.octets(writeFrame('client', opcode, true, Buffer.from(words)));
  }
}

let upstream: Upstream;
let ca: string;
let tokens: Tokens;
let refreshes: Refreshes;
let key: OpeningKey;
const resealed: string[] = [];
const planted: Buffer[] = [];

/** A session of one statement. */
async function talk(order: CallOrder, port: number): Promise<number> {
  const envelope = parseEnvelope(order.envelope);
  const opened = await openAt({ port }, ca, {
    login: loginOf(envelope.header.dauth.inject)!,
    isReadOnly: order.method === 'READ',
    open: () => openEnvelope(envelope, key),
  });
  const driver = new Driver(opened);
  await driver.ready(1);
  driver.query('SELECT 1');
  await driver.ready(2);
  driver.say(message('X'));
  return (await driver.outcome).redactions;
}

async function one(order: CallOrder): Promise<number> {
  if (order.database !== undefined) return talk(order, order.database);
  const envelope = parseEnvelope(order.envelope);
  const body =
    order.body === undefined
      ? null
      : order.stream
        ? Readable.from([order.body.slice(0, 1), order.body.slice(1)].map((b) => Buffer.from(b)))
        : Buffer.from(order.body);
  const { handle, owner, inject: injections } = envelope.header.dauth;
  const headers = [['content-type', order.type ?? 'text/plain']] as const;
  const method = order.method as UpstreamRequest['method'];
  const to = {
    origin: order.origin as never,
    method,
    path: order.target.split('?')[0]!,
    target: order.target,
    headers,
  };
  const common = {
    connection: { handle, ver: order.ver },
    injections,
    open: () => openEnvelope(envelope, key),
    beforeSend: () => undefined,
  };
  const scheme = tokenSchemeOf(injections);
  const token =
    scheme === undefined ? {} : await exchanged(scheme, { ...common, owner, ...(await checked(scheme)) }, envelope);
  const length = body instanceof Readable ? { bodyLength: Buffer.byteLength(order.body!) } : {};
  const settled = await settleBody(
    { body, ...length, hold: () => undefined } as unknown as DispatchRequest,
    { allow: [], inject: injections },
    to,
  );
  const answer = await upstream.call({
    ...common,
    ...token,
    address: await upstream.check(order.origin as never),
    method,
    target: order.target,
    headers,
    body: settled.body,
    ...(settled.body instanceof Readable ? length : {}),
    ...(settled.slotted === undefined ? {} : { slotted: settled.slotted }),
    ...(order.capture === undefined ? {} : { capture: { fields: order.capture, into: handle, ...sealInto(envelope) } }),
    ...(order.webSocket === true ? { webSocket: { protocols: [], endsAtMs: Date.now() + 60_000 } } : {}),
  });
  answer.webSocket?.meet(new Talker());
  for await (const chunk of answer.body) void chunk;
  return (await answer.finished).redactions;
}

/** The connection that is captured into is the login's own here: what is sealed is the same. */
function sealInto(envelope: Envelope): Pick<CaptureAsk, 'before' | 'take'> {
  return {
    before() {
      const last = resealed.at(-1);
      return openEnvelope(last === undefined ? envelope : parseEnvelope(last), key);
    },
    async take(values) {
      using plaintext = openEnvelope(envelope, key);
      resealed.push(resealEnvelope(plaintext, envelope.header, key, ...values));
    },
  };
}

async function checked(scheme: TokenScheme): Promise<Pick<TokenAsk, 'address' | 'idp'>> {
  const origins = endpointsOf(scheme).map((endpoint) => endpointParts(endpoint).origin);
  const [address, idp] = await Promise.all(origins.map((origin) => upstream.check(origin)));
  return { address: address!, ...(idp === undefined ? {} : { idp: { address: idp } }) };
}

async function exchanged(scheme: TokenScheme, ask: Omit<TokenAsk, 'scheme'>, envelope: Envelope): Promise<Exchanged> {
  if (scheme.scheme !== 'oauth2') return { token: await tokens.take({ ...ask, scheme }) };
  const use = { ver: 1, digest: '', trusted: [], revision: 0, jkt: '' };
  const sealed = { envelope, use, base: { ver: 1, sha256: '' } };
  const taken = await refreshes.take({ ...ask, scheme, key, sealed });
  const { ver } = taken.sealed.use;
  const open = () => openEnvelope(taken.sealed.envelope, key);
  const former = ver === 1 ? {} : { former: ask.open };
  return { token: taken.token, connection: { handle: ask.connection.handle, ver }, open, ...former };
}

/** Where an authority and files would be: what they do is proven elsewhere. */
function makeRefreshes(): Refreshes {
  const nothing = async (): Promise<void> => undefined;
  return new Refreshes({
    upstream,
    authority: { lease: nothing, needsReauthorization: nothing },
    pending: {
      settle: async () => 1,
      reserve: nothing,
      release: nothing,
      keep: async ({ envelope }) => void resealed.push(envelope),
    },
    journal: { note: nothing },
    seen: { admit: nothing },
    shelf: { drop: () => undefined },
    view: { assertStands: () => undefined, bridge: () => undefined, unbridge: () => undefined },
    sealing: { open: openEnvelope, reseal: resealEnvelope },
    identity: { sign: () => '' },
    node: 'https://executor.example',
    onReplaced: () => undefined,
    turns: new Turns(),
    log: () => undefined,
    monotonic: () => performance.now(),
    now: () => Math.floor(Date.now() / 1_000),
  });
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'setup':
      if (order.holds) holdOwned();
      ca = order.ca;
      upstream = createUpstream({
        ...{ ca: [order.ca], dangerouslyAllowLoopback: true, nowMs: Date.now, isFreedOverwritten },
      });
      tokens = new Tokens(
        upstream,
        () => performance.now(),
        () => Math.floor(Date.now() / 1_000),
        new Turns(),
      );
      refreshes = makeRefreshes();
      key = {
        kid: order.kid,
        alg: order.alg,
        privateKey: createPrivateKey({ key: order.key, format: 'jwk' }),
        publicRaw: Buffer.from(order.publicRaw, 'hex'),
      };
      return null;
    case 'calls': {
      let [redactions, next] = [0, 0];
      const worker = async (): Promise<void> => {
        while (next < order.times) redactions += await one(order.calls[next++ % order.calls.length]!);
      };
      await Promise.all(Array.from({ length: order.parallel }, worker));
      return redactions;
    }
    case 'plant':
      planted.push(Buffer.from(order.hex, 'hex'));
      return planted.length;
    case 'forget':
      forget(Buffer.from(order.inverted, 'hex'));
      return null;
    case 'resealed':
      return resealed.splice(0).slice(-2);
    case 'ping':
      return null;
  }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (done) => process.send!({ done }),
    (error: Error) => process.send!({ failed: String(error.stack) }),
  );
});
