/**
 * Counts of the executor in Prometheus' text format (0.0.4), for the private listener.
 * Never a label that somebody sent, and none for an owner, a handle or a server: labels come from tables of ours, so they
 * are few and say nothing.
 */
import { isErrorCode, type ErrorCode, type IsolationLevel } from '@dauth/protocol';
import type { Facts, Journal } from '../journal/journal.ts';
import type { Refusals } from '../journal/refusals.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What is read when somebody asks. */
export interface Gauges {
  readonly openCalls: number;
  /** Milliseconds; `undefined` without a view. */
  readonly statusAgeMs: number | undefined;
  readonly seq: number;
  readonly isWritable: boolean;
  readonly level: IsolationLevel;
  readonly version: string;
}

export class Metrics {
  readonly #dispatches = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  #relayed = 0;

  /** A journal whose outcomes are counted, also those that could not be written down: they happened. */
  watchJournal(journal: Pick<Journal, 'intent'>): Pick<Journal, 'intent'> {
    return {
      intent: async (facts) => {
        const intent = await journal.intent(facts);
        return {
          head: intent.head,
          outcome: (outcome) => {
            this.#ended(outcome);
            return intent.outcome(outcome);
          },
        };
      },
    };
  }

  /** Refusals that are counted here too, whether they are journaled one by one or not. */
  watchRefusals(refusals: Pick<Refusals, 'count' | 'record'>): Pick<Refusals, 'count' | 'record'> {
    const counted = (code: ErrorCode): ErrorCode => {
      add(this.#refusals, code);
      return code;
    };
    return {
      count: (code) => refusals.count(counted(code)),
      record: (code, facts) => refusals.record(counted(code), facts),
    };
  }

  /** The whole exposition. */
  render({ openCalls, statusAgeMs, seq, isWritable, level, version }: Gauges): string {
    const age = statusAgeMs === undefined ? '+Inf' : Math.max(0, Math.round(statusAgeMs));
    return [
      ...family('dispatches_total', 'counter', 'Dispatches that reached the journal, by how they ended.'),
      ...byCode('dispatches_total', this.#dispatches),
      ...family('refusals_total', 'counter', 'Requests refused before anything was opened, by code.'),
      ...byCode('refusals_total', this.#refusals),
      ...family('relayed_bytes_total', 'counter', 'Octets of answers that went back to callers.'),
      sample('relayed_bytes_total', this.#relayed),
      ...family('open_calls', 'gauge', 'Calls to upstreams that are under way.'),
      sample('open_calls', openCalls),
      ...family('status_age_ms', 'gauge', 'Age of the view of revocations in milliseconds; +Inf without one.'),
      sample('status_age_ms', age),
      ...family('journal_seq', 'gauge', 'Sequence number of the last durable record.'),
      sample('journal_seq', seq),
      ...family('journal_writable', 'gauge', 'Whether the journal takes records: 1, or 0 until a restart.'),
      sample('journal_writable', isWritable ? 1 : 0),
      ...family('info', 'gauge', 'Isolation level and version.'),
      sample('info', 1, `{level="${level}",version="${version}"}`),
      '',
    ].join('\n');
  }

  #ended({ code, bytes }: Facts): void {
    add(this.#dispatches, isErrorCode(code) || code === 'ok' || code === 'ABORTED' ? code : 'INTERNAL');
    if (typeof bytes === 'number') this.#relayed += bytes;
  }
}

function add(counts: Map<string, number>, code: string): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

function byCode(name: string, counts: ReadonlyMap<string, number>): string[] {
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, count]) => sample(name, count, `{code="${code}"}`));
}

function family(name: string, type: 'counter' | 'gauge', help: string): string[] {
  return [`# HELP dauth_executor_${name} ${help}`, `# TYPE dauth_executor_${name} ${type}`];
}

function sample(name: string, value: number | string, labels = ''): string {
  return `dauth_executor_${name}${labels} ${value}`;
}
