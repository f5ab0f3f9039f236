/**
 * `npm run bench [-- NAME…] [--quick] [--write]`: runs benchmarks and prints, of each, tables for people and one line of JSON per
 * ratio, both on stdout; how far it is goes to stderr. `--write` puts what was measured into docs/performance.md.
 */
import { parseArgs } from 'node:util';
import { ALL } from './benchmarks.ts';
import { whyNoNginx } from '#test/support/nginx.js';
import { descendants } from '#test/support/process.js';
import { describeMachine, whyNoMachine } from './method/machine.ts';
import { ratioTable, renderPlain } from './method/report.ts';
import { keep } from './page.ts';

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !ALL.some((one) => one.name === name));
if (unknown.length > 0)
  end(2, `There is no benchmark ${unknown.join(', ')}; there are ${ALL.map(({ name }) => name).join(', ')}.`);
const why = whyNoMachine() || whyNoNginx();
if (why !== false) end(1, why);

// Whatever ends this ends what came out of it, and nobody else.
process.on('exit', () => {
  for (const pid of descendants(process.pid)) {
    try {
      process.kill(pid);
    } catch {
      // It had ended.
    }
  }
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => process.exit(code));

console.error(`Node ${process.version} on ${describeMachine()}`);
const say = (sentence: string): void => console.error(sentence);
for (const one of ALL) {
  if (positionals.length > 0 && !positionals.includes(one.name)) continue;
  console.error(`${one.name}: ${one.title}`);
  const outcome = await one.run({ quick: values.quick, say });
  for (const table of [...outcome.tables, ratioTable(outcome.ratios)]) console.log(`${renderPlain(table)}\n`);
  for (const sentence of outcome.held) console.log(`held: ${sentence}`);
  for (const ratio of outcome.ratios) console.log(JSON.stringify(ratio));
  if (values.write) await keep(one, outcome, values.quick);
}

function end(code: number, sentence: string): never {
  console.error(sentence);
  process.exit(code);
}
