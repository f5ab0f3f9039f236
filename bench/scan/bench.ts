/**
 * `scan`: octets per second of processor time that the executor's search of an answer looks through, in pieces as TLS brings them,
 * beside the least that anybody would do who wants to keep one spelling of a credential out of an answer.
 */
import { randomBytes } from 'node:crypto';
import type { Benchmark } from '../benchmark.ts';
import { compare } from '../method/ratio.ts';
import { say } from '../method/report.ts';
import { runHeats } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import { computing, type Computed } from '../stage/computing.ts';
import { loadRoom } from '../stage/room.ts';

const [OURS, PEER] = ['the executor’s scan', 'one copy and one search'];
/** One TLS record, and what is looked through between two looks at the clock. */
const [RECORD, BODY] = [16_384, 1_048_576];
const HEATS = { repeats: 10, foreign: 0.1, random: () => Math.random() };

export const scanBench: Benchmark = {
  name: 'scan',
  title: 'The search of an answer',
  async run({ quick, say: tell }) {
    const { Forms, Scanner } = await loadRoom();
    const secret = Buffer.from(`sk_${randomBytes(30).toString('hex')}`);
    const body = Buffer.from(randomBytes(BODY).toString('base64url').slice(0, BODY));
    using forms = new Forms([secret]);
    const seconds = quick ? 0.5 : 2;
    const scan = (): void => {
      const scanner = new Scanner(forms);
      for (const record of records(body)) scanner.push(record);
      scanner.end();
    };
    const search = (): void => {
      for (const record of records(body)) if (Buffer.from(record).includes(secret)) throw new Error('found by chance');
    };
    const contestants = [computing(OURS, scan, seconds), computing(PEER, search, seconds)];
    tell('warming up');
    for (const { round } of contestants) await round();
    tell('scanning');
    const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 9 });
    const measure = {
      bench: 'scan',
      measure: 'octets looked through',
      unit: 'MB per CPU second',
      better: 'more',
    } as const;
    const read = (round: Computed): number => BODY / round.cpu / 1e6;
    const rows = [OURS, PEER].map((name) => [name, say(median(heats.heats.map((heat) => read(heat.get(name)!))))]);
    return {
      ratios: [compare(measure, heats, OURS, PEER, read)],
      tables: [{ title: 'answers of 1 MiB in records of 16 KiB', head: ['', 'MB per CPU second'], rows }],
      held: [],
    };
  },
};

function records(body: Buffer): readonly Buffer[] {
  return Array.from({ length: BODY / RECORD }, (_, at) => body.subarray(at * RECORD, (at + 1) * RECORD));
}
