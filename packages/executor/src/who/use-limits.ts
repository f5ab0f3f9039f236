/**
 * How often: the rate and the budget that an owner sealed, then the operator's rates. Asked after everything else allowed a
 * dispatch, and before anything of it is written or opened. Each node counts for itself.
 */
import {
  DAuthError,
  type ConnectionHandle,
  type EnvelopePolicy,
  type JsonObject,
  type OperatorRules,
} from '@dauth/protocol';
import type { Budgets } from './budgets.ts';
import type { QuotaState, Rates } from './rates.ts';

/** One limit by its public name, as it stands. */
export interface NamedState extends QuotaState {
  readonly name: string;
}

/** A limit is reached. What is said of it, and of those that were asked before it, goes with the answer. */
export class LimitReached extends DAuthError {
  readonly states: readonly NamedState[];
  readonly retryAfterSeconds: number;

  constructor(states: readonly NamedState[], sentence: string) {
    super('RATE_LIMITED', sentence);
    this.states = states;
    this.retryAfterSeconds = states.at(-1)!.resetSeconds;
  }
}

export interface UseLimitsOptions {
  readonly rates: Rates;
  readonly budgets: Pick<Budgets, 'take'>;
  readonly operator: OperatorRules['rates'];
  /** Records of the journal from before this process, none older than two minutes. */
  readonly recent: readonly JsonObject[];
  readonly nowMs: () => number;
}

type Sealed = Pick<EnvelopePolicy, 'handle' | 'owner' | 'org' | 'limits'>;

export class UseLimits {
  readonly #options: UseLimitsOptions;
  /** Of each connection, how long ago it was used before this process began: taken once, where its limit is known. */
  readonly #before = new Map<string, number[]>();

  constructor(options: UseLimitsOptions) {
    this.#options = options;
    for (const { kind, time, handle, owner, org } of options.recent) {
      if (kind !== 'intent' || typeof time !== 'string') continue;
      for (const key of [`sealed ${String(handle)}`, ...operatorKeys(String(handle), String(owner), String(org))])
        (this.#before.get(key) ?? this.#listOf(key)).push(Date.parse(time));
    }
  }

  /** @throws LimitReached, DAuthError `AUDIT_UNAVAILABLE` */
  async take({ handle, owner, org, limits = {} }: Sealed): Promise<readonly NamedState[]> {
    const states: NamedState[] = [];
    const count = ({ isTaken, state }: { isTaken: boolean; state: QuotaState }, name: string, whose: string): void => {
      states.push({ name, ...state });
      if (!isTaken) throw new LimitReached(states, `The ${whose} is used up for now. Try again when Retry-After says.`);
    };
    if (limits.rate !== undefined)
      count(this.#rate(`sealed ${handle}`, limits.rate), 'dauth-rate', 'rate sealed with the credential');
    const { connection, owner: ofOwner, org: ofOrg } = this.#options.operator;
    const [connectionKey, ownerKey, orgKey] = operatorKeys(handle, owner, org);
    const rules = [
      ['connection', connectionKey, connection],
      ['owner', ownerKey, ofOwner],
      ['org', orgKey, ofOrg],
    ] as const;
    for (const [of, key, quota] of rules)
      if (quota !== undefined) count(this.#rate(key, quota), `dauth-operator-${of}`, `operator's rate for each ${of}`);
    // Last, so that nothing of it is lost to a refusal.
    if (limits.budget !== undefined)
      count(
        await this.#options.budgets.take(handle, limits.budget),
        'dauth-budget',
        'budget sealed with the credential',
      );
    return states;
  }

  #listOf(key: string): number[] {
    const list: number[] = [];
    this.#before.set(key, list);
    return list;
  }

  #rate(key: string, quota: { readonly count: number; readonly seconds: number }) {
    const { rates, nowMs } = this.#options;
    for (const at of this.#before.get(key) ?? []) rates.remember(key, quota, nowMs() - at);
    this.#before.delete(key);
    return rates.take(key, quota);
  }
}

function operatorKeys(
  handle: ConnectionHandle | string,
  owner: string,
  org: string,
): readonly [string, string, string] {
  return [`connection ${handle}`, `owner ${JSON.stringify([org, owner])}`, `org ${JSON.stringify([org])}`];
}
