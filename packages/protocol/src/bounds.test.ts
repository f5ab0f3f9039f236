/** How much one request or token may name: counted before anything is compared, so that nobody waits for a stranger's list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDetails, parseDetailsRequest } from './details.ts';
import { DAuthError } from './errors.ts';
import { LIMITS } from './limits.ts';

const handle = (n: number): string => `ddls:conn:01900000-0000-7000-8000-00000000000${n}`;
const wish = (n: number, members: object = {}): object => ({
  type: 'dauth_connection',
  identifier: handle(n),
  ...members,
});
const at = (origin: string, ...actions: string[]): object => ({ locations: [origin], actions });
const many = (count: number, prefix = '/'): string[] => Array.from({ length: count }, (_, n) => `GET ${prefix}${n}`);

function refuses(run: () => unknown, sentence: RegExp): void {
  assert.throws(
    run,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && sentence.test(error.publicMessage),
  );
}

for (const [side, parse] of [
  ['a token', parseDetails],
  ['a request', parseDetailsRequest],
] as const) {
  test(`[token.bound] the details of ${side} name at most 256 actions together`, () => {
    const half = (n: number, count: number) => wish(n, at('https://a.example', ...many(count)));
    assert.equal(parse([half(0, 128), half(1, 128)]).length, 2);
    refuses(() => parse([half(0, 128), half(1, 129)]), /more than 256 actions in all/);
  });

  test(`[token.bound] the actions of ${side} together are no longer than 32,768 characters`, () => {
    const long = (count: number) => wish(0, at('https://a.example', ...many(count, `/${'a'.repeat(3_000)}/`)));
    assert.equal(parse([long(10)]).length, 1);
    refuses(() => parse([long(11)]), /longer than 32768 characters/);
  });
}

test('[token.bound] actions are counted before one of them is read', () => {
  refuses(
    () => parseDetailsRequest([{ type: 'dauth_connection', actions: Array(LIMITS.actions + 1).fill(7) }]),
    /in all/,
  );
});

test('[token.bound] a request names a connection at an origin once', () => {
  const here = at('https://a.example', 'GET /a');
  const there = at('https://b.example', 'GET /a');
  assert.equal(parseDetailsRequest([wish(0, here), wish(0, there), wish(1, here)]).length, 3);
  for (const twice of [
    [wish(0, here), wish(0, here)],
    [wish(0, here), wish(0, there), wish(0, at('https://a.example', 'GET /b'))],
    [wish(0), wish(0)],
    [wish(0), wish(0, here)],
    [wish(0, here), wish(0)],
  ]) {
    refuses(() => parseDetailsRequest(twice), /name the same connection and origin/);
  }
});
