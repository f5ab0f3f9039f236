/** Loops over a sender that answers by itself. Nothing here asks how long anything takes. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { closedLoop, openLoop } from './loops.ts';
import type { Ended } from './sender.ts';

suite('a loop', () => {
  test('that is closed has as many requests under way as it has callers, and ends with the last answer', async () => {
    let [underWay, most, sent] = [0, 0, 0];
    const send = (ended: Ended): void => {
      most = Math.max(most, ++underWay);
      const at = sent++;
      setImmediate(() => {
        underWay--;
        ended(10, at % 4 === 3 ? '503' : undefined);
      });
    };
    const done = await closedLoop({ send }, 3, 20);
    assert.equal(most, 3);
    assert.equal(sent, 20);
    assert.equal(done.requests, 20);
    assert.equal(done.octets, 200);
    assert.deepEqual(done.failures, { 503: 5 });
    assert.ok(done.latency.p50 <= done.latency.p99 && done.latency.p99 <= done.latency.max);
  });

  test('that is closed sends no more than it is to, however many callers there are', async () => {
    let sent = 0;
    const done = await closedLoop({ send: (ended) => setImmediate(ended, ++sent, undefined) }, 8, 5);
    assert.equal(sent, 5);
    assert.equal(done.requests, 5);
  });

  test('that is open sends while answers are missing', async () => {
    const waiting: Ended[] = [];
    const done = await openLoop(
      {
        send: (ended) => {
          waiting.push(ended);
          // Nobody is answered before all have been sent.
          if (waiting.length === 6) for (const each of waiting) each(1, undefined);
        },
      },
      2_000,
      6,
    );
    assert.equal(done.requests, 6);
    // Counted from when each was to start: the first has waited for all others.
    assert.ok(done.latency.max >= 2.5);
  });
});
