/**
 * The process whose memory is looked at, and what must not lie about in it after calls to an upstream that echoes. Only for the proofs of `memory.clean`.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeBase64url, parseEnvelope, type Injection } from '@dauth/protocol';
import { WebSocketServer } from 'ws';
import { OVERWRITING } from '../freed.ts';
import { INSTRUCTIONS } from '../instructions.ts';
import { echo, echoFrames } from './echo.test-support.ts';
import { deriveKeys } from './envelope-keys.test-support.ts';
import type { CallOrder, Order } from './memory.child.test-support.ts';
import { findCore, permitCore } from './core-image.test-support.ts';
import { count, restOf, type Measured, type Rest } from './memory-rest.test-support.ts';
import {
  KID,
  pieceNeedles,
  sealMaterial,
  wholeNeedles,
  type Keys,
  type Sealed,
  type Sealing,
} from './memory-sealed.test-support.ts';
import { canLook, findInFile, findInMemory, needlesOf, type Finding, type Needle } from './scanner.test-support.ts';
import { makePair } from './signer.test-support.ts';
import { serveHttps, TestCa, type TestServer } from './upstreams.test-support.ts';

const CALLS = 320;
/** How many envelopes of a credential are used in turn. */
const ENVELOPES = 2;

/** How a proof differs from the usual one. */
export interface Look extends Sealing {
  /** Calls that arrived so far, where they do not go to the upstream that echoes. */
  readonly count?: () => number;
  /** How many envelopes the calls take in turn; default 2. */
  readonly envelopes?: number;
  /** What was made of a secret meanwhile, and must not lie about either. */
  readonly later?: () => Keys;
  /** How many calls; default 320. */
  readonly times?: number;
  /**
   * Of what lives as long as its sockets: waits until the last of them has closed. The first part of what was sealed has to be
   * found while they are open.
   */
  readonly closed?: () => Promise<void>;
}

/** How the process that is looked at is started, and how its upstream speaks TLS. */
export interface Surroundings {
  /** What it trusts, where it calls more than the upstream that echoes. */
  readonly ca?: TestCa;
  /** Where a core image of it is to be left, empty. */
  readonly dir?: string;
  /** Started so that what is freed is overwritten, as the executor is where the C library can (freed.ts); default true. */
  readonly isOverwritten?: boolean;
  /** What the process makes in memory of its own is kept until the look: what nobody zeroed shows for certain; default true. */
  readonly holds?: boolean;
  readonly tls?: TlsOptions;
}

/** A way to use a credential: what is sealed, and how it is called with. */
export interface Use {
  readonly inject: readonly Injection[];
  readonly calls: readonly Partial<CallOrder>[];
  readonly look?: Look;
}

/** Answers a request in the place of the upstream that echoes; false where it is not for it. */
export type Beside = (request: IncomingMessage, response: ServerResponse) => boolean;

export class MemoryProof implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #dir: string | undefined;
  readonly #opening: { readonly privateKey: KeyObject; readonly publicRaw: Buffer };
  #server!: TestServer;
  #saw = 0;
  #made = 0;

  private constructor({ dir, isOverwritten = true }: Surroundings) {
    this.#dir = dir;
    const { privateKey, publicKey } = makePair('X25519');
    this.#opening = { privateKey, publicRaw: Buffer.from(decodeBase64url(publicKey.export({ format: 'jwk' }).x!)) };
    this.#child = fork(new URL('./memory.child.test-support.js', import.meta.url), {
      stdio: 'inherit',
      env: { ...withoutOverwriting(), ...INSTRUCTIONS, ...(isOverwritten ? OVERWRITING : {}) },
      ...(dir === undefined ? {} : { cwd: dir }),
    });
  }

  static async open(beside: Beside = () => false, surroundings: Surroundings = {}): Promise<MemoryProof> {
    const proof = new MemoryProof(surroundings);
    const { ca, holds = true, tls = {} } = surroundings;
    const trusted = ca ?? (await TestCa.create());
    const identity = await trusted.issue([{ type: 'dns', value: 'localhost' }]);
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      if (beside(request, response)) return;
      proof.#saw++;
      echo(request, response);
    };
    // A process that is looked at may stand still for longer than Node keeps an idle socket.
    proof.#server = await serveHttps(identity, listener, { keepAliveTimeout: 120_000, ...tls }, (server) => {
      const sockets = new WebSocketServer({ server });
      // What it says at once goes out in one piece with the head.
      sockets.on('headers', (_, request) => request.socket.cork());
      sockets.on('connection', (socket, request) => {
        proof.#saw++;
        echoFrames(socket, request);
        request.socket.uncork();
      });
    });
    const { privateKey, publicRaw } = proof.#opening;
    const key = privateKey.export({ format: 'jwk' });
    const setup = { kid: KID, alg: 'HPKE-3', publicRaw: publicRaw.toString('hex'), holds } as const;
    await proof.#tell({ kind: 'setup', ca: trusted.pem, key, ...setup });
    return proof;
  }

  /** Why this system forbids the look, null where it does not. */
  get forbidden(): string | null {
    return canLook(this.#pid);
  }

  /** Of the upstream, and whatever is beside it. */
  get origin(): string {
    return this.#server.origin;
  }

  /** Calls the upstream and looks for what was sealed, a second later. */
  async assertClean(
    t: TestContext,
    inject: readonly Injection[],
    calls: readonly Partial<CallOrder>[],
    look: Look = {},
  ): Promise<void> {
    const sealed: Sealed[] = [];
    while (sealed.length < (look.envelopes ?? ENVELOPES)) sealed.push(await this.seal(inject, look));
    const running = this.#call(sealed, calls, look);
    const during: Finding[] = [];
    // Where a key has to be found while its socket is open, and more than once: one may just have closed.
    const most = look.closed === undefined ? 0 : 3;
    let looks = 0;
    let done = false;
    void running.finally(() => (done = true));
    while (!done) {
      await sleep(20);
      if (looks < most) during.push(...(await findInMemory(this.#pid, wholeNeedles(sealed).slice(0, 4))));
      looks++;
    }
    await running;
    if (look.closed !== undefined) {
      assert.ok(during.length > 0, 'the look did not find what an open socket has');
      await look.closed();
    }
    await this.#addResealed(sealed);
    if (look.later !== undefined) sealed.push({ envelope: '', parts: {}, keys: look.later() });
    await sleep(1_050);
    const found = await findInMemory(this.#pid, [...wholeNeedles(sealed), ...pieceNeedles(sealed)]);
    const pieces = found.filter(({ needle }) => needle.endsWith(']'));
    const rest = found.filter((finding) => !pieces.includes(finding));
    const first = most === 0 ? '' : `whole copies while running (first looks): ${during.length}; `;
    t.diagnostic(`${first}whole copies 1 s after: ${rest.length}; pieces: ${pieces.length}`);
    if (rest.length + pieces.length > 0)
      t.diagnostic(JSON.stringify([count(rest), rest.slice(0, 6), count(pieces), pieces.slice(0, 4)], null, 1));
    assert.deepEqual(count(rest), {});
    assert.deepEqual(count(pieces), {});
  }

  /** Makes so many calls of each use in all, and looks a second after each of these numbers. */
  async measure(uses: readonly Use[], numbers: readonly number[]): Promise<Measured> {
    const all: { readonly use: Use; readonly sealed: Sealed[] }[] = [];
    for (const use of uses)
      all.push({ use, sealed: [await this.seal(use.inject, use.look), await this.seal(use.inject, use.look)] });
    const control = randomBytes(24);
    await this.#tell({ kind: 'plant', hex: control.toString('hex') });
    const openingKey = Buffer.from(this.#opening.privateKey.export({ format: 'jwk' }).d!, 'base64url');
    const needles = (): Needle[] => {
      const sealed = all.flatMap((each) => each.sealed);
      const planted = [{ name: 'control', bytes: control }, ...needlesOf('opening key', openingKey)];
      return [...planted, ...wholeNeedles(sealed), ...pieceNeedles(sealed)];
    };
    const rests: Rest[] = [];
    for (const number of numbers) {
      for (const { use, sealed } of all) {
        await this.#call(sealed, use.calls, { ...use.look, times: number - (rests.at(-1)?.calls ?? 0) });
        await this.#addResealed(sealed);
      }
      for (const { use } of all) await use.look?.closed?.();
      await sleep(1_000);
      rests.push(restOf(number, await findInMemory(this.#pid, needles())));
    }
    if (this.#dir === undefined) return { rests, core: 'NOT CHECKED: no core image was asked for' };
    const refused = permitCore(this.#pid);
    if (refused !== null) return { rests, core: refused };
    this.#child.kill('SIGABRT');
    await once(this.#child, 'exit');
    const path = findCore(this.#dir);
    if (path === null) return { rests, core: 'NOT CHECKED: the system left no core image' };
    return { rests, core: restOf(numbers.at(-1)!, await findInFile(path, needles())) };
  }

  /** The envelopes in turn, eight calls at a time. */
  async #call(sealed: readonly Sealed[], calls: readonly Partial<CallOrder>[], look: Look): Promise<void> {
    const { times = CALLS, envelopes = ENVELOPES, count: arrived = () => this.#saw } = look;
    // Beyond some hundreds most are like the first: an upstream echoes now and then.
    const mix = times > 1_000 ? [...calls, ...Array.from({ length: calls.length * 3 }, () => calls[0]!)] : calls;
    const orders = Array.from({ length: mix.length * envelopes }, (_, i): CallOrder => ({
      origin: this.#server.origin,
      envelope: sealed[i % envelopes]!.envelope,
      method: 'GET',
      target: '/',
      ver: 1,
      // Every call with each envelope.
      ...mix[Math.floor(i / envelopes)],
    }));
    const before = arrived();
    await this.#tell({ kind: 'calls', calls: orders, times, parallel: 8 });
    assert.equal(arrived() - before, times, 'every call reached the upstream');
  }

  /** The envelopes that the looked-at process made itself, whose keys must not lie about either. */
  async #addResealed(sealed: Sealed[]): Promise<void> {
    for (const envelope of (await this.#tell({ kind: 'resealed' })) as readonly string[])
      sealed.push({ envelope, parts: {}, keys: deriveKeys(Buffer.from(parseEnvelope(envelope).enc), this.#opening) });
  }

  /** That a load leaves no more copies of the opening key than there were. */
  async assertKeyCount(t: TestContext): Promise<void> {
    const key = Buffer.from(this.#opening.privateKey.export({ format: 'jwk' }).d!, 'base64url');
    const look = async (): Promise<number> => (await findInMemory(this.#pid, needlesOf('opening key', key))).length;
    const { envelope } = await this.seal([{ in: 'header', name: 'authorization', value: 'Bearer {token}' }]);
    const order: CallOrder = { origin: this.#server.origin, envelope, method: 'GET', target: '/', ver: 1 };
    const before = await look();
    assert.ok(before > 0, 'the look did not find the key that the process opens with');
    await this.#tell({ kind: 'calls', calls: [order], times: CALLS, parallel: 8 });
    await sleep(1_050);
    const after = await look();
    t.diagnostic(`copies of the opening key before: ${before}, after: ${after}`);
    assert.ok(after <= before, `${before} before, ${after} after`);
  }

  /** The positive control: what lies there is found. */
  async assertFinds(): Promise<void> {
    const needles = [{ name: 'control', bytes: randomBytes(24) }];
    assert.equal((await findInMemory(this.#pid, needles)).length, 0);
    await this.#tell({ kind: 'plant', hex: needles[0]!.bytes.toString('hex') });
    assert.ok((await findInMemory(this.#pid, needles)).length > 0);
  }

  /** The positive control of holding: what nobody zeroed is found, though it was dropped and collected. */
  async assertHolds(): Promise<void> {
    const needles = [{ name: 'control', bytes: randomBytes(24) }];
    const inverted = needles[0]!.bytes.map((octet) => octet ^ 0xff);
    await this.#tell({ kind: 'forget', inverted: Buffer.from(inverted).toString('hex') });
    await sleep(100);
    assert.ok((await findInMemory(this.#pid, needles)).length > 0);
  }

  seal(inject: readonly Injection[], sealing: Sealing = {}): Promise<Sealed> {
    return sealMaterial(this.#opening, this.#made++, inject, sealing);
  }

  get #pid(): number {
    return this.#child.pid!;
  }

  async #tell(order: Order): Promise<unknown> {
    this.#child.send(order);
    const [answer] = (await once(this.#child, 'message')) as [{ done?: unknown; failed?: string }];
    assert.equal(answer.failed, undefined);
    return answer.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.kill()) await once(this.#child, 'exit');
    await this.#server[Symbol.asyncDispose]();
  }
}

/** The surroundings that this process was started in, but for what OVERWRITING sets, and for what the executor is never given. */
function withoutOverwriting(): NodeJS.ProcessEnv {
  const without = [...Object.keys(OVERWRITING), 'NODE_COMPILE_CACHE'];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !without.includes(name)));
}
