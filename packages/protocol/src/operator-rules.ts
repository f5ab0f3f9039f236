/**
 * What the operator of an executor refuses, whatever envelopes and tokens say (docs/configuration.md `executor.rules`). Each rule
 * only narrows: nothing here allows anything. No clock: whoever asks says what time it is.
 */
import { choice } from './choice.ts';
import { parseMethod, type Method } from './method.ts';
import { originParts, parseOrigin, type Origin } from './origin.ts';
import { parseRate, type Quota } from './quota.ts';
import { distinct, exactObject, integer, list, refuse, text } from './shape.ts';

export interface OperatorRules {
  readonly deny: {
    /** Names as they stand in an origin; `*.` in front stands for every name below. */
    readonly hosts: readonly string[];
    readonly origins: readonly Origin[];
    readonly methods: readonly Method[];
    /** Ranges in CIDR notation, for the addresses that a name has. Read where addresses are. */
    readonly addresses: readonly string[];
  };
  readonly requestBytes?: number;
  readonly responseBytes?: number;
  /** For each connection, each owner and each organisation. */
  readonly rates: { readonly connection?: Quota; readonly owner?: Quota; readonly org?: Quota };
  /** In UTC; absent means always. */
  readonly hours?: readonly Hours[];
}

export interface Hours {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  /** Minutes of the day: the first one, and the first one after. */
  readonly from: number;
  readonly to: number;
}

export const NO_OPERATOR_RULES: OperatorRules = Object.freeze({
  deny: Object.freeze({ hosts: [], origins: [], methods: [], addresses: [] }),
  rates: Object.freeze({}),
});

const MOST = 1_000;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const TIME = /^(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)$/;

/** @throws DAuthError `INVALID_REQUEST` with a sentence that names the member */
export function parseOperatorRules(value: unknown): OperatorRules {
  if (value === undefined) return NO_OPERATOR_RULES;
  const rules = exactObject(value, '"rules"', [], ['deny', 'requestBytes', 'responseBytes', 'rates', 'hours']);
  const deny = exactObject(rules.deny ?? {}, '"rules.deny"', [], ['hosts', 'origins', 'methods', 'addresses']);
  const rates = exactObject(rules.rates ?? {}, '"rules.rates"', [], ['connection', 'owner', 'org']);
  return Object.freeze({
    deny: Object.freeze({
      hosts: denied(deny.hosts, 'hosts', parseHost),
      origins: denied(deny.origins, 'origins', parseOrigin),
      methods: denied(deny.methods, 'methods', parseMethod),
      addresses: denied(deny.addresses, 'addresses', (item) => text(item, '"rules.deny.addresses"', 64)),
    }),
    ...bytes(rules, 'requestBytes'),
    ...bytes(rules, 'responseBytes'),
    rates: Object.freeze(
      Object.fromEntries(Object.entries(rates).map(([of, rate]) => [of, parseRate(rate, `"rules.rates.${of}"`)])),
    ),
    ...(rules.hours === undefined ? {} : { hours: list(rules.hours, '"rules.hours"', 1, 64, parseHours) }),
  });
}

function denied<T extends string>(value: unknown, name: string, parse: (item: unknown) => T): readonly T[] {
  const what = `"rules.deny.${name}"`;
  return value === undefined ? [] : distinct(list(value, what, 1, MOST, parse), what, String);
}

/** Compared with names that an origin has, so it is spelled as one: `METADATA.example` would never be met. */
function parseHost(value: unknown): string {
  const name = text(value, '"rules.deny.hosts"', 255);
  const plain = name.startsWith('*.') ? name.slice(2) : name;
  if (originParts(parseOrigin(`https://${plain}`)).host !== plain)
    refuse(
      '"rules.deny.hosts" has names as they stand in an origin, without a port; "*." in front stands for all below.',
    );
  return name;
}

function bytes(rules: Readonly<Record<string, unknown>>, name: 'requestBytes' | 'responseBytes') {
  const value = rules[name];
  return value === undefined ? {} : { [name]: integer(value, `"rules.${name}"`, 0, Number.MAX_SAFE_INTEGER) };
}

function parseHours(value: unknown): Hours {
  const hours = exactObject(value, 'An entry of "rules.hours"', ['from', 'to'], ['days']);
  const day = (item: unknown): number => DAYS.indexOf(choice(item, '"days" of "rules.hours"', DAYS));
  const days = hours.days === undefined ? DAYS.map((_, index) => index) : list(hours.days, '"days"', 1, 7, day);
  const [from, to] = [minutes(hours.from), minutes(hours.to)];
  if (from >= to) refuse('"from" of "rules.hours" is before "to"; a night is two entries.');
  return Object.freeze({ days: distinct(days, '"days"', String), from, to });
}

function minutes(value: unknown): number {
  const found = typeof value === 'string' ? TIME.exec(value) : null;
  if (found === null) return refuse('A time of "rules.hours" is HH:MM in UTC, up to 24:00.');
  return found[1] === undefined ? 1_440 : Number(found[1]) * 60 + Number(found[2]);
}

/** One request, as far as the operator's rules look at it. */
export interface OperatorTarget {
  readonly origin: Origin;
  readonly method: Method;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Octets of the body, where they are known. */
  readonly bodyBytes?: number;
}

/** The member that refuses a request; undefined where none does. */
export function operatorUnmet(rules: OperatorRules, target: OperatorTarget): string | undefined {
  if (deniesOrigin(rules, target.origin)) return 'origin';
  if (rules.deny.methods.includes(target.method)) return 'methods';
  if (rules.hours !== undefined && !rules.hours.some((hours) => isWithin(hours, target.atMs))) return 'hours';
  if ((target.bodyBytes ?? 0) > (rules.requestBytes ?? Infinity)) return 'requestBytes';
  return undefined;
}

/** Whether nothing goes to an origin, be it a target or an endpoint where a credential is exchanged. */
export function deniesOrigin({ deny }: OperatorRules, origin: Origin): boolean {
  const { host } = originParts(origin);
  return (
    deny.origins.includes(origin) ||
    deny.hosts.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name))
  );
}

function isWithin({ days, from, to }: Hours, atMs: number): boolean {
  const minute = Math.floor(atMs / 60_000);
  // 1970 began on a Thursday.
  const day = (Math.floor(minute / 1_440) + 4) % 7;
  return days.includes(day) && minute % 1_440 >= from && minute % 1_440 < to;
}
