/**
 * `seal`: what an owner's device pays to seal a credential, and the executor to open it, in each suite, beside libraries that do RFC
 * 9180 alone and the least that the same agreement can cost. Ends with a look at whether what was changed still does not open.
 */
import type { Benchmark, Settings } from '../benchmark.ts';
import { compare, type Missing, type Ratio } from '../method/ratio.ts';
import { say, type Table } from '../method/report.ts';
import { runHeats } from '../method/rounds.ts';
import { median } from '../method/statistics.ts';
import { computing, type Computed } from '../stage/computing.ts';
import { loadRoom, type Room } from '../stage/room.ts';
import { readSealed, type SealedVector } from '../stage/sealed-vectors.ts';
import { makeFloorOpen, makeFloorSeal } from './floor.ts';
import { withHpke, withHpkeCore, type Library } from './libraries.ts';
import { makeSeal } from './ours.ts';

const [OURS, HPKE, HPKE_CORE, FLOOR] = ['DAuth', 'hpke', '@hpke/core', 'the floor'];
const HEATS = { repeats: 10, foreign: 0.1, random: () => Math.random() };

type Way = 'seal' | 'open';
/** By the name of who does it; nothing where it cannot. */
type Entered = Readonly<Record<string, (() => unknown) | undefined>>;

export const sealBench: Benchmark = {
  name: 'seal',
  title: 'A credential sealed, and opened',
  async run(settings) {
    const room = await loadRoom();
    const sealed = await readSealed();
    const ratios: (Ratio | Missing)[] = [];
    const tables: Table[] = [];
    for (const vector of sealed) {
      const libraries = {
        [HPKE]: await orNothing(withHpke(vector)),
        [HPKE_CORE]: await orNothing(withHpkeCore(vector)),
      };
      for (const way of ['seal', 'open'] as const) {
        settings.say(`${way}, ${vector.key.alg}`);
        const entered = { ...(await ourWay(way, vector, room)), ...theirWay(way, libraries) };
        const measured = await measure(way, vector, entered, settings);
        ratios.push(...measured.ratios);
        tables.push(measured.table);
      }
    }
    return { ratios, tables, held: [checkTampered(sealed, room)] };
  },
};

async function ourWay(way: Way, vector: SealedVector, { openEnvelope }: Room): Promise<Entered> {
  const floorSeal = makeFloorSeal(vector.key, vector.plaintext);
  return way === 'seal'
    ? { [OURS]: await orNothing(makeSeal(vector)), [FLOOR]: floorSeal }
    : {
        [OURS]: () => openEnvelope(vector.envelope, vector.key)[Symbol.dispose](),
        [FLOOR]: makeFloorOpen(vector.key, floorSeal()),
      };
}

function theirWay(way: Way, libraries: Readonly<Record<string, Library | undefined>>): Entered {
  return Object.fromEntries(Object.entries(libraries).map(([name, library]) => [name, library?.[way]]));
}

async function measure(way: Way, { key: { alg } }: SealedVector, entered: Entered, { quick }: Settings) {
  const contestants = Object.entries(entered).flatMap(([name, once]) =>
    once === undefined ? [] : [computing(name, once, quick ? 0.1 : 1)],
  );
  for (const { round } of contestants) await round();
  const heats = await runHeats(contestants, { ...HEATS, heats: quick ? 5 : 9 });
  const of = { bench: 'seal', measure: `CPU per ${NOUNS[way]}, ${alg}`, unit: 'CPU µs', better: 'less' } as const;
  const read = ({ cpu }: Computed): number => cpu * 1e6;
  const rows = contestants.map(({ name }) => [name, say(median(heats.heats.map((heat) => read(heat.get(name)!))))]);
  return {
    ratios: [HPKE, HPKE_CORE, FLOOR].map((name) => {
      const lacking = [OURS, name].find((each) => entered[each] === undefined);
      if (lacking === undefined) return compare(of, heats, OURS, name, read);
      return {
        bench: of.bench,
        measure: of.measure,
        against: name,
        missing: `${lacking} lacks this suite on this Node`,
      };
    }),
    table: { title: `${way}, ${alg}`, head: ['', 'CPU µs'], rows },
  };
}

const NOUNS: Readonly<Record<Way, string>> = { seal: 'sealing', open: 'opening' };

/** Younger runtimes have more suites than older ones. @throws whatever else went wrong */
async function orNothing<T>(making: Promise<T>): Promise<T | undefined> {
  try {
    return await making;
  } catch (error) {
    const { name, code } = error as { readonly name?: string; readonly code?: string };
    if (name === 'NotSupportedError' || code === 'ENCLAVE_UNAVAILABLE') return undefined;
    throw error;
  }
}

/** @throws Error where one opens whose header or ciphertext is another */
function checkTampered(sealed: readonly SealedVector[], { openEnvelope }: Room): string {
  for (const { envelope, key } of sealed) {
    const flipped = Uint8Array.from(envelope.ciphertext, (octet, at) => (at === 0 ? octet ^ 1 : octet));
    const renamed = `${envelope.protectedSegment.slice(0, -1)}${envelope.protectedSegment.endsWith('0') ? '1' : '0'}`;
    for (const changed of [
      { ...envelope, ciphertext: flipped },
      { ...envelope, protectedSegment: renamed },
    ])
      if (opens(() => openEnvelope(changed, key))) throw new Error(`a changed envelope opened in ${key.alg}`);
    if (!opens(() => openEnvelope(envelope, key))) throw new Error(`an envelope did not open in ${key.alg}`);
  }
  return 'no envelope opens that has one octet changed, in ciphertext or header';
}

function opens(open: () => Disposable): boolean {
  try {
    open()[Symbol.dispose]();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'DECRYPTION_FAILED') return false;
    throw error;
  }
}
