/** `dauth config`: what a configuration comes to, whether a file is right, and what may stand in one. */
import { z } from 'zod';
import { explainConfig, loadConfig, schema } from './config.ts';
import { print, table } from './output.ts';

export interface ConfigFlags {
  readonly config?: string;
  readonly origin?: boolean;
  readonly json?: boolean;
}

export function showConfig(flags: ConfigFlags): void {
  const { config, origins } = loadConfig(flags.config, process.env);
  const rows = explainConfig(config, origins);
  const shown = flags.origin === true ? rows : rows.map(({ key, value }) => ({ key, value }));
  print(flags.json === true, shown, () =>
    table(
      ['key', 'value', ...(flags.origin === true ? ['origin'] : [])],
      rows.map((row) => [row.key, JSON.stringify(row.value), row.origin]),
    ),
  );
}

export function validateConfig(flags: ConfigFlags): void {
  loadConfig(flags.config, process.env);
  print(flags.json === true, { valid: true }, () => 'valid');
}

export function printSchema(): void {
  process.stdout.write(`${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`);
}
