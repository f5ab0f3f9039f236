/** Two ends without sockets: who waits for whom, what is kept meanwhile, and how each end ends. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { Forms } from '../wire/forms.ts';
import { OPCODE, writeFrame, type Sender } from './frame.ts';
import type { Line, LineReader } from './line.ts';
import { FrameReader } from './reader.ts';
import { Relay } from './relay.ts';

/** One end, as the executor has it; it can be slow. */
class FakeLine implements Line {
  isSlow = false;
  isHeld = false;
  isEnded = false;
  isDestroyed = false;
  readonly frames: string[] = [];
  #reader!: LineReader;
  readonly #kind: Sender;
  readonly #seen: FrameReader;

  constructor(kind: Sender) {
    this.#kind = kind;
    this.#seen = new FrameReader(kind === 'client' ? 'server' : 'client', {
      data: (message, octets, isLast) =>
        this.frames.push(`${message} ${octets.toString('latin1')}${isLast ? '.' : ''}`),
      ping: (payload) => this.frames.push(`ping ${payload.toString('latin1')}`),
      close: (code, reason) => this.frames.push(`close ${code} ${reason.toString('latin1')}`),
    });
  }

  listen(reader: LineReader): void {
    this.#reader = reader;
  }

  send(octets: Buffer): boolean {
    if ((octets[0]! & 0x0f) === OPCODE.pong) this.frames.push(`pong of ${octets.length} octets`);
    this.#seen.push(Buffer.from(octets));
    octets.fill(0);
    return !this.isSlow;
  }

  hold(): void {
    this.isHeld = true;
  }

  release(): void {
    this.isHeld = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** Says something to the executor. */
  say(opcode: number, words: string, isLast = true): void {
    this.#reader.octets(writeFrame(this.#kind, opcode, isLast, Buffer.from(words, 'latin1')));
  }

  drain(): void {
    this.isSlow = false;
    this.#reader.drained();
  }

  leave(): void {
    this.#reader.ended();
  }
}

function relayed() {
  const [upstream, caller] = [new FakeLine('server'), new FakeLine('client')];
  const forms = new Forms([Buffer.from('canary-of-the-relay')]);
  const ends: (DAuthError | 'ABORTED' | null)[] = [];
  const options = { forms, idleMs: 60_000, totalMs: 60_000, maxBytes: 1_000_000 };
  const relay = new Relay(upstream, caller, { ...options, ended: (how) => ends.push(how) });
  relay.start();
  return { upstream, caller, relay, ends };
}

test('while what was sent to one side has not gone, nothing is read from the other', () => {
  const { upstream, caller, relay } = relayed();
  caller.isSlow = true;
  upstream.say(OPCODE.text, 'a');
  assert.deepEqual([upstream.isHeld, caller.isHeld], [true, false]);
  caller.drain();
  assert.deepEqual([upstream.isHeld, caller.isHeld], [false, false]);
  upstream.isSlow = true;
  caller.say(OPCODE.binary, 'b');
  assert.deepEqual([upstream.isHeld, caller.isHeld], [false, true]);
  upstream.drain();
  assert.deepEqual([upstream.isHeld, caller.isHeld], [false, false]);
  assert.deepEqual([caller.frames, upstream.frames], [['text a.'], ['binary b.']]);
  relay.fail(new DAuthError('ENCLAVE_UNAVAILABLE'));
});

test('of pings that wait, the last is answered', () => {
  const { upstream, relay } = relayed();
  upstream.isSlow = true;
  upstream.say(OPCODE.ping, '1');
  for (const length of [20, 30, 40]) upstream.say(OPCODE.ping, 'x'.repeat(length));
  assert.deepEqual(upstream.frames, ['pong of 7 octets']);
  upstream.drain();
  assert.deepEqual(upstream.frames, ['pong of 7 octets', 'pong of 46 octets']);
  relay.fail(new DAuthError('ENCLAVE_UNAVAILABLE'));
});

test('pieces of a message go on as they come, but for what the scan holds back', () => {
  const { upstream, caller, relay } = relayed();
  upstream.say(OPCODE.text, `${'x'.repeat(500)}canary-of-`, false);
  assert.equal(caller.frames.length, 1);
  assert.match(caller.frames[0]!, /^text x+$/);
  upstream.say(OPCODE.continuation, 'the-relay!');
  assert.equal(caller.frames.map((frame) => frame.slice(5)).join(''), `${'x'.repeat(500)}${'*'.repeat(19)}!.`);
  assert.deepEqual([relay.redactions, relay.bytes], [1, 520]);
  relay.fail(new DAuthError('ENCLAVE_UNAVAILABLE'));
});

test('[revoke.fast] what fails tells the caller why and is over at once, whatever its sockets do', async () => {
  const { upstream, caller, relay, ends } = relayed();
  caller.isSlow = true;
  upstream.say(OPCODE.text, 'a');
  relay.fail(new DAuthError('CONNECTION_REVOKED'));
  assert.deepEqual(
    ends.map((how) => (how instanceof DAuthError ? how.code : how)),
    ['CONNECTION_REVOKED'],
  );
  assert.equal(caller.frames.at(-1), 'close 1008 CONNECTION_REVOKED');
  upstream.say(OPCODE.text, 'late');
  caller.say(OPCODE.text, 'late');
  assert.equal(
    [...upstream.frames, ...caller.frames].some((frame) => frame.includes('late')),
    false,
  );
  for (let waits = 0; waits < 200 && !(upstream.isDestroyed && caller.isDestroyed); waits++) await sleep(50);
  assert.ok(upstream.isDestroyed && caller.isDestroyed);
});

test('a close waits for the other side, whose messages still come', () => {
  const { upstream, caller, ends } = relayed();
  caller.say(OPCODE.close, '\x03\xe8bye');
  assert.deepEqual(upstream.frames, ['close 1000 bye']);
  upstream.say(OPCODE.text, 'last words');
  assert.deepEqual([caller.frames, ends], [['text last words.'], []]);
  upstream.say(OPCODE.close, '\x0f\xa0ok');
  assert.deepEqual([caller.frames.at(-1), ends], ['close 4000 ok', [null]]);
  assert.ok(upstream.isEnded && caller.isEnded);
});

test('a side that leaves without a close is told of to the other', () => {
  const gone = relayed();
  gone.upstream.leave();
  assert.equal(gone.caller.frames.at(-1), 'close 1014 DOWNSTREAM_UNREACHABLE');
  const left = relayed();
  left.caller.leave();
  assert.deepEqual([left.upstream.frames, left.ends], [['close 1001 '], ['ABORTED']]);
});
