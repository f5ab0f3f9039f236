/** Requests of a command: each ends in its time, by itself or by whoever asked. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startAuthority, type FakeAuthority } from './authority.test-support.ts';
import { boundedFetch } from './reach.ts';

let silent: FakeAuthority;
before(async () => (silent = await startAuthority(() => undefined)));
after(() => silent.close());

test(
  'a request that nobody answers ends in its time, whatever is collected meanwhile',
  { timeout: 30_000 },
  async (t) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const collecting = setInterval(collect, 10);
    t.after(() => clearInterval(collecting));
    const asked = boundedFetch(300)(silent.url, { signal: new AbortController().signal });
    await assert.rejects(asked, { name: 'TimeoutError' });
  },
);

test('a request ends with the reason of whoever ends it, also one that was ended before', async () => {
  const reason = new Error('not wanted any more');
  const given = new AbortController();
  const asked = boundedFetch(60_000)(silent.url, { signal: given.signal });
  given.abort(reason);
  await assert.rejects(asked, reason);
  await assert.rejects(boundedFetch(60_000)(silent.url, { signal: AbortSignal.abort(reason) }), reason);
});
