/** All benchmarks, in the order in which they run. */
import type { Benchmark } from './benchmark.ts';
import { connectionsBench } from './connections/bench.ts';
import { dispatch } from './dispatch/bench.ts';
import { kindsBench } from './kinds/bench.ts';
import { protectBench } from './protect/bench.ts';
import { scaleBench } from './scale/bench.ts';
import { scanBench } from './scan/bench.ts';
import { sealBench } from './seal/bench.ts';
import { startBench } from './start/bench.ts';
import { tokenBench } from './token/bench.ts';

export const ALL: readonly Benchmark[] = [
  ...[dispatch, kindsBench, protectBench, sealBench, tokenBench],
  ...[connectionsBench, scaleBench, scanBench, startBench],
];
