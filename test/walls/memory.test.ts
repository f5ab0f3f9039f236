/** What `npm run memory` is asked for, read strictly: what it takes for no dispatch at all would leave nothing, and pass. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TOOL = fileURLToPath(new URL('../../../tools/memory.mjs', import.meta.url));
const WRONG = [
  '--times=0',
  '--times=x',
  '--times=1,2',
  '--dispatches=',
  '--dispatches=1,,2',
  '--within=-1',
  '--within=',
  '--within=x',
];

for (const argument of WRONG)
  test(`npm run memory -- ${argument} measures nothing, and fails`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, '--check', argument], { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^--\w+ takes [01] or more\.\n$/);
  });
