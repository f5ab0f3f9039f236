/** The hot parts allocate no more than was recorded: counted, not timed, so that a busy machine says the same as a quiet one. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEARER } from './hot-parts.ts';
import { count, judge, MAJOR, readRecorded } from './recorded.ts';

const recorded = await readRecorded();
const skip = recorded === undefined ? `nothing was recorded for Node ${MAJOR}` : false;

suite('what the hot parts allocate', { skip }, () => {
  test('is no more than was recorded, by a counter that sees objects, buffers and a part that got dearer', async () => {
    const { parts, controls } = await count();
    assert.deepEqual(judge(parts, recorded!), []);
    assert.ok(controls['objects']! >= 8_000 && controls['objects']! < 20_000, `${controls['objects']} for 8,000`);
    assert.ok(controls['octets']! >= 10_000 && controls['octets']! < 11_000, `${controls['octets']} for 10,000`);
    assert.match(judge({ ...recorded, [DEARER]: controls['dearer']! }, recorded!).join(), /allocates \d+ octets/);
  });
});

suite('the judgement of what was counted', () => {
  test('takes less, and a little more', () => {
    assert.deepEqual(judge({ a: 500, b: 1_040 }, { a: 1_000, b: 1_000 }), []);
  });

  test('refuses more than a tenth more, and says how much and how it is recorded', () => {
    assert.match(
      judge({ a: 1_100_100 }, { a: 1_000_000 }).join(),
      /“a” allocates 1100100 octets; 1000000 were.+record-main/,
    );
  });

  test('refuses what was never recorded, and what is recorded and not counted', () => {
    assert.deepEqual(
      judge({ a: 1 }, { b: 1 }).map((sentence) => sentence.replace(/\..*/, '')),
      ['“a” was never recorded', '“b” is recorded and counted no more'],
    );
  });
});
