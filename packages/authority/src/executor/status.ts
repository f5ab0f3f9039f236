/**
 * The status stream (spec/dauth.md §6): signed messages, one per line, a heartbeat every 250 ms, changes at once.
 * Never buffers for a reader that does not read: the stream is closed, and the executor resyncs.
 */
import { LIMITS, TYP } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import { placeOf } from '../log.ts';

/** Changes in one message, and octets of their JSON: signed and in base64url they stay below `LIMITS.status`. */
const BATCH = 500;
const BATCH_OCTETS = 160_000;
/** Messages waiting for a reader. More are made when it reads; one that does not read for long is given up. */
const MAX_QUEUED = 8;
const PATIENCE = 20;

/**
 * @param sid `jti` of the request's proof, so that a recording cannot be played to another request
 * @param since the highest revision the executor has applied
 */
export function statusStream(authority: Authority, sid: string, since: number): ReadableStream<Uint8Array> {
  const { config, key, store, closing, log } = authority;
  // A `since` beyond our revision means an older backup was restored: our lower number tells the executor so.
  let sent = Math.min(since, store.changes.revision());
  const openedAt = performance.now();
  let n = 0;
  let stalled = 0;
  let stop = (): void => undefined;
  let catchUp = (): void => undefined;

  const message = (): Uint8Array => {
    const changes = store.changes.since(sent, BATCH, BATCH_OCTETS);
    sent = changes.at(-1)?.revision ?? sent;
    const claims = {
      iss: config.issuer,
      aud: config.executor.resource,
      sid,
      n: n++,
      revision: sent,
      iat: authority.now(),
      at_ms: Math.floor(performance.now() - openedAt),
      changes,
    };
    return Buffer.from(`${key.sign(TYP.status, claims)}\n`);
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const hasRoom = (): boolean => (controller.desiredSize ?? 0) > 0;
        const fail = (why: string): void => {
          stop();
          controller.error(new Error(why));
        };
        /** A failing store ends the stream: silence is what makes the executor refuse. */
        const guarded = (run: () => void) => () => {
          try {
            run();
          } catch (error) {
            log({ event: 'status_failed', at: placeOf(error) });
            fail('status stream failed');
          }
        };
        const drain = (): void => {
          stop();
          controller.close();
        };
        const beat = guarded(() => {
          stalled = hasRoom() ? 0 : stalled + 1;
          if (stalled > PATIENCE) fail('status reader too slow');
          else if (stalled === 0) controller.enqueue(message());
        });
        catchUp = guarded(() => {
          while (hasRoom() && sent < store.changes.revision()) controller.enqueue(message());
        });
        controller.enqueue(message());
        const timer = setInterval(beat, LIMITS.heartbeatMs);
        const unlisten = store.changes.listen(() => catchUp());
        closing.addEventListener('abort', drain);
        stop = () => {
          catchUp = () => undefined;
          clearInterval(timer);
          unlisten();
          closing.removeEventListener('abort', drain);
        };
      },
      pull: () => catchUp(),
      cancel: () => stop(),
    },
    { highWaterMark: MAX_QUEUED },
  );
}

/** Drops changes that have no effect any more. @param at milliseconds of a clock that never goes back */
export function tendChanges({ store, log, now }: Pick<Authority, 'store' | 'log' | 'now'>, at: number): void {
  try {
    store.changes.tend(at, now());
    // No token that is issued now would be taken: better said than looked for.
    if (store.changes.isForgotten(now())) log({ event: 'clock.set_back', until: store.changes.forgotten() });
  } catch (error) {
    // Kept is safe; the next time may find a store that is free.
    log({ event: 'changes.failed', at: placeOf(error) });
  }
}
