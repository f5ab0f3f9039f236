/** The operator's rules from a configuration file, as the executor would read them. Never a default for a file without any. */
import { isObject, NO_OPERATOR_RULES, parseOperatorRules, type OperatorRules } from '@dauth/protocol';
import { parse as parseYaml } from 'yaml';
import { given, usage } from './output.ts';
import { readText } from './rules.ts';

/** @param file of a stack (`executor.rules`) or of one executor (`rules`) @throws CliError (usage) */
export function readOperator(file: string): OperatorRules {
  const text = readText('--operator', file);
  const rules = given('--operator', findRules(text), parseOperatorRules);
  if (rules === NO_OPERATOR_RULES)
    throw usage(
      'The file that --operator names has no rules: neither "executor.rules" nor, for one executor alone, "rules".',
    );
  return rules;
}

/** `--at`, else now: milliseconds since the epoch. */
export function readTime(at: string | undefined): number {
  if (at === undefined) return Date.now();
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z$/.test(at) ? Date.parse(at) : NaN;
  if (Number.isNaN(time)) throw usage('--at is a time in UTC, as 2026-11-29T10:00:00Z.');
  return time;
}

/** What YAML makes of a mapping has a prototype; codecs look at own members only. */
function findRules(text: string): unknown {
  let config: unknown;
  try {
    config = JSON.parse(JSON.stringify(parseYaml(text, { uniqueKeys: true, maxAliasCount: 0 }))) as unknown;
  } catch {
    throw usage('The file that --operator names cannot be read as YAML or JSON.');
  }
  if (!isObject(config)) return undefined;
  return isObject(config.executor) ? config.executor.rules : config.rules;
}
