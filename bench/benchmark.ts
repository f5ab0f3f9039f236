/** What a benchmark is: a name, what it says of itself, and a run that comes to ratios and tables. */
import type { Outcome } from './method/report.ts';

export interface Settings {
  /** Shorter rounds and fewer circumstances; as many heats. */
  readonly quick: boolean;
  /** Tells people how far it is. */
  readonly say: (sentence: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  readonly run: (settings: Settings) => Promise<Outcome>;
}
