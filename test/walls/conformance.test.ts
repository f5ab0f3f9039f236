/** Gives the check of the suite's results a run that ended otherwise, and results that nobody explains, and expects it to say so. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RUNS } from '../conformance/every.ts';
import { assertAsRecorded, findUnexplained, record, type Check, type Results } from '../conformance/result.ts';
import { readResults } from '../conformance/results.ts';
import { suiteName } from '../conformance/suite.ts';

test('the results are of the suite that is installed, of every run there is, and whatever is not passed has its reason', () => {
  const results = readResults();
  assert.equal(results.suite, suiteName());
  assert.deepEqual(findUnexplained(RUNS, results), []);
});

const RUN = { title: 'A server', command: 'server', reasons: { tools: 'It has none.' } };
const check = (id: string, status: Check['status'] = 'SUCCESS'): Check => ({ id, status });
const FOUND = new Map([
  ['tools', [check('list', 'WARNING'), check('call'), check('log', 'INFO')]],
  ['ping', [check('pong'), check('pong')]],
  ['other', [check('left')]],
]);
const isTried = (name: string): boolean => name !== 'other';
const RESULTS: Results = { suite: 'a 1', runs: [record(RUN, FOUND, isTried)] };

suite('the check of the results of a suite', () => {
  test('writes what a run came to, in the order of names', () => {
    assert.deepEqual(RESULTS.runs[0], {
      title: 'A server',
      command: 'server',
      scenarios: { ping: { passed: 2, others: [] }, tools: { passed: 1, others: ['list WARNING'] } },
      notTried: ['other'],
    });
    assert.deepEqual(Object.keys(RESULTS.runs[0]!.scenarios), ['ping', 'tools']);
    assert.deepEqual(findUnexplained([RUN], RESULTS), []);
    assertAsRecorded(record(RUN, FOUND, isTried), RESULTS);
  });

  for (const [what, change] of [
    ['a check fails that passed', new Map([...FOUND, ['ping', [check('pong'), check('pong', 'FAILURE')]]])],
    ['a check passes that did not', new Map([...FOUND, ['tools', [check('list'), check('call')]]])],
    ['a check is left out', new Map([...FOUND, ['ping', [check('pong')]]])],
    ['a scenario is new', new Map([...FOUND, ['more', [check('more')]]])],
    ['a scenario is gone', new Map([...FOUND].filter(([name]) => name !== 'ping'))],
  ] as const)
    test(`is red where ${what}`, () => {
      assert.throws(() => assertAsRecorded(record(RUN, change, isTried), RESULTS), /npm run conformance/);
    });

  test('is red where a run was never recorded', () => {
    assert.throws(
      () => assertAsRecorded(record({ ...RUN, title: 'B' }, FOUND, isTried), RESULTS),
      /"B" ended otherwise/,
    );
  });

  test('names a run that was not recorded, one that nobody makes, and a reason that is missing or idle', () => {
    assert.deepEqual(findUnexplained([{ ...RUN, title: 'B' }], RESULTS), [
      'Nobody runs "A server".',
      '"B" was not recorded.',
    ]);
    assert.deepEqual(findUnexplained([{ ...RUN, reasons: {} }], RESULTS), [
      '"A server": tools is not passed whole, and nobody says why.',
    ]);
    assert.deepEqual(findUnexplained([{ ...RUN, reasons: { ...RUN.reasons, pongs: 'No.' } }], RESULTS), [
      '"A server": a reason is given for pongs, which did not run.',
    ]);
  });
});
