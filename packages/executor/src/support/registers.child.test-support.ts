/**
 * The process in which V8 gives up optimized code in the worst moment: when octets of an answer have just been read. It never
 * writes those down itself, so nothing but that work can leave them about.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSecureContext } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { ownedBytes } from '../secret/memory.ts';
import { scrubStackSoon } from '../secret/scrub.ts';
import { dial, trustOf } from '../wire/dial.ts';

export interface Order {
  /** `bare`: Node's own socket into a buffer of ours, with nothing done about the registers. */
  readonly kind: 'dial' | 'bare';
  readonly ca: string;
  readonly port: number;
  /** Each is asked for by one octet, its number. */
  readonly answers: number;
}

setFlagsFromString('--allow-natives-syntax');
const makeVictim = runInThisContext(`() => {
  const victim = (given) => given.octets + 1;
  %PrepareFunctionForOptimization(victim);
  victim({ octets: 1 });
  victim({ octets: 2 });
  %OptimizeFunctionOnNextCall(victim);
  victim({ octets: 3 });
  return victim;
}`) as () => (given: object) => unknown;
const victims = Array.from({ length: 64 }, makeVictim);
const UNEXPECTED = Object.freeze({ other: 0, octets: 'none' });

/** Was optimized for one shape, and is called with another: V8 writes down all registers to go on without. */
function giveUp(): void {
  victims.pop()!(UNEXPECTED);
}

async function ask({ kind, ca, port, answers }: Order): Promise<void> {
  let came = (): void => undefined;
  const received = (): void => {
    giveUp();
    came();
  };
  const address = { scheme: 'https', host: 'localhost', port, ips: ['127.0.0.1'] };
  const trust = trustOf([ca]);
  const socket =
    kind === 'dial'
      ? await dial({ address: address as never }, trust, 5_000, received)
      : bare(trust.shared(), port, received);
  socket.resume();
  for (let number = 0; number < answers; number++) {
    const answer = new Promise<void>((resolve) => (came = resolve));
    socket.write(Buffer.of(number));
    await answer;
  }
  // As at a call's end: the stack is another matter.
  scrubStackSoon();
  await sleep(100);
}

function bare(secureContext: ReturnType<typeof createSecureContext>, port: number, received: () => void) {
  const buffer = ownedBytes(16_384);
  const callback = (length: number): boolean => {
    received();
    buffer.fill(0, 0, length);
    return true;
  };
  return connect({ ...({ onread: { buffer, callback } } as object), port, servername: 'localhost', secureContext });
}

process.on('message', (order: Order) => {
  ask(order).then(
    () => process.send!({ done: null }),
    (error: Error) => process.send!({ failed: String(error.stack) }),
  );
});
