import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('support/survival.child.test-support.js', import.meta.url));

for (const scene of [
  'an override in a body without a token',
  'an override in a body that nobody reads yet',
  'a caller that resets in the middle of its body',
  'an answer that fails in the read of its head',
  'an answer that is too large in the read of its head',
]) {
  test(`the executor outlives ${scene}`, async () => {
    const child = spawn(process.execPath, [CHILD, scene], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (octets: Buffer) => (said += octets.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, said);
  });
}
