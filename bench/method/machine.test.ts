/** The system's counters as they are written, and that a process has used something. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { busySeconds, cpuSeconds, memoryOctets, watch, whyNoMachine } from './machine.ts';

suite('the machine', { skip: whyNoMachine() }, () => {
  test('is busy where it works for somebody or a host takes it away, not where it waits or is interrupted', () => {
    const stat = 'cpu  100 20 300 4000 500 60 70 8 90 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
    assert.equal(busySeconds(stat), (100 + 20 + 300 + 8) / 100);
  });

  test('counts what a process has used, by name, and never less than nothing of others', () => {
    const { read } = watch({ this: process.pid });
    const before = cpuSeconds(process.pid);
    assert.ok(before > 0);
    for (let sum = 0; cpuSeconds(process.pid) === before;) sum++;
    const { used, foreign, seconds } = read();
    assert.ok(used.this! > 0);
    assert.ok(foreign >= 0);
    assert.ok(seconds > 0);
  });

  test('counts what a process has in memory, and nothing of one that is not there', () => {
    assert.ok(memoryOctets(process.pid, 'VmHWM') > 1_000_000);
    assert.ok(memoryOctets(process.pid, 'VmRSS') > 1_000_000);
    assert.equal(memoryOctets(2 ** 30, 'VmRSS'), 0);
    assert.equal(cpuSeconds(2 ** 30), 0);
  });
});
