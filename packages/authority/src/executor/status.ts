/**
 * The status stream (spec/dauth.md §6): signed messages, one per line, a heartbeat every 250 ms, changes at once.
 * Never buffers for a reader that does not read: the stream is closed, and the executor resyncs.
 */
import { LIMITS, TYP } from '@dauth/protocol';
import type { Authority } from '../context.ts';

/** Changes in one message; a burst is split. */
const BATCH = 500;
/** Messages waiting in a reader's queue before it is given up: sixteen seconds of heartbeats. */
const MAX_QUEUED = 64;

/** @param sid `jti` of the request's proof, so that a recording cannot be played to another request */
export function statusStream(authority: Authority, sid: string, since: number): ReadableStream<Uint8Array> {
  const { config, key, store } = authority;
  let n = 0;
  let sent = since;
  let stop = (): void => undefined;

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (): void => {
          do {
            const changes = store.changes.since(sent, BATCH);
            sent = changes.at(-1)?.revision ?? sent;
            const claims = { iss: config.issuer, aud: config.executor.resource, sid, n: n++, revision: sent, iat: authority.now(), changes };
            controller.enqueue(Buffer.from(`${key.sign(TYP.status, claims)}\n`));
          } while (sent < store.changes.revision());
        };
        const tick = (): void => {
          if ((controller.desiredSize ?? 0) <= 0) {
            stop();
            controller.error(new Error('status reader too slow'));
            return;
          }
          send();
        };
        // A `since` beyond our revision means an older backup was restored: our lower number tells the executor so.
        if (since > store.changes.revision()) sent = store.changes.revision();
        send();
        const timer = setInterval(tick, LIMITS.heartbeatMs);
        const unlisten = store.changes.listen(tick);
        stop = () => {
          clearInterval(timer);
          unlisten();
        };
      },
      cancel() {
        stop();
      },
    },
    { highWaterMark: MAX_QUEUED },
  );
}
