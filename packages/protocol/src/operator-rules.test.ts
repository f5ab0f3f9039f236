import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from './errors.ts';
import { deniesOrigin, operatorUnmet, parseOperatorRules } from './operator-rules.ts';
import { parseConnectionLimits } from './quota.ts';

const refused = (error: unknown): boolean => error instanceof DAuthError && error.code === 'INVALID_REQUEST';
const NOON = { from: '08:00', to: '12:00' };

for (const [what, rules] of [
  ['an unknown member', { allow: {} }],
  ['an unknown member of the deny list', { deny: { host: [] } }],
  ['no object', []],
  ['a host in capitals', { deny: { hosts: ['Metadata.example'] } }],
  ['a host with a port', { deny: { hosts: ['a.example:8443'] } }],
  ['a host with a star inside', { deny: { hosts: ['a.*.example'] } }],
  ['a star alone', { deny: { hosts: ['*'] } }],
  ['an address as a host', { deny: { hosts: ['192.0.2.1'] } }],
  ['an origin with a path', { deny: { origins: ['https://a.example/x'] } }],
  ['an empty list', { deny: { origins: [] } }],
  ['a method in lowercase', { deny: { methods: ['get'] } }],
  ['a host twice', { deny: { hosts: ['a.example', 'a.example'] } }],
  ['a size below nothing', { requestBytes: -1 }],
  ['a size in words', { responseBytes: '1 MiB' }],
  ['a rate of an hour', { rates: { owner: { count: 1, seconds: 3_600 } } }],
  ['a rate of nobody', { rates: { server: { count: 1, seconds: 1 } } }],
  ['no hours', { hours: [] }],
  ['an hour that ends before it begins', { hours: [{ from: '12:00', to: '08:00' }] }],
  ['an hour past the day', { hours: [{ from: '08:00', to: '24:01' }] }],
  ['an unknown day', { hours: [{ ...NOON, days: ['monday'] }] }],
  ['a day twice', { hours: [{ ...NOON, days: ['mon', 'mon'] }] }],
] as const) {
  test(`operator's rules with ${what} are refused`, () => {
    assert.throws(() => parseOperatorRules(rules), refused);
  });
}

test('[dispatch.bound] a denied name is met as it is, and a denied suffix in every name below it', () => {
  const rules = parseOperatorRules({ deny: { hosts: ['a.example', '*.b.example'], origins: ['https://c.example'] } });
  for (const [origin, isDenied] of [
    ['https://a.example', true],
    ['https://a.example:8443', true],
    ['https://x.a.example', false],
    ['https://b.example', false],
    ['https://x.b.example', true],
    ['https://y.x.b.example', true],
    ['https://xb.example', false],
    ['https://c.example', true],
    ['https://c.example:8443', false],
  ] as const)
    assert.equal(deniesOrigin(rules, origin as never), isDenied, origin);
});

test('[dispatch.bound] hours are minutes of days in UTC', () => {
  const rules = parseOperatorRules({
    hours: [
      { ...NOON, days: ['sun'] },
      { from: '23:59', to: '24:00' },
    ],
  });
  for (const [time, isOpen] of [
    ['2026-11-29T08:00:00Z', true],
    ['2026-11-29T07:59:59Z', false],
    ['2026-11-29T11:59:59Z', true],
    ['2026-11-29T12:00:00Z', false],
    ['2026-11-30T08:00:00Z', false],
    ['2026-11-30T23:59:59Z', true],
    ['2026-12-01T00:00:00Z', false],
  ] as const) {
    const target = { origin: 'https://a.example', method: 'GET', atMs: Date.parse(time) } as never;
    assert.equal(operatorUnmet(rules, target), isOpen ? undefined : 'hours', time);
  }
});

for (const [what, limits] of [
  ['nothing', {}],
  ['null', null],
  ['an unknown member', { burst: 1 }],
  ['a rate of no request', { rate: { count: 0, seconds: 1 } }],
  ['a rate of an hour', { rate: { count: 1, seconds: 3_600 } }],
  ['a rate of half a request', { rate: { count: 1.5, seconds: 1 } }],
  ['a budget of a minute', { budget: { count: 1, seconds: 60 } }],
  ['a budget of a year', { budget: { count: 1, seconds: 31_536_000 } }],
  ['a budget without a window', { budget: { count: 1 } }],
] as const) {
  test(`[seal.bound] limits with ${what} are refused`, () => {
    assert.throws(() => parseConnectionLimits(limits), refused);
  });
}
