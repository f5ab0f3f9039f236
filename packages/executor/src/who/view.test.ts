/** What the view of revocations remembers, and for how long: without bounds it would be an operator's memory, and without memory no view. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHandle } from '@dauth/protocol';
import { StatusView, type Standing } from './view.ts';

const STANDING: Standing = {
  handle: parseHandle('ddls:conn:01890000-0000-7000-8000-000000000000'),
  ...{ ver: 1, tokens: ['t'], grant: 'g', clients: ['c'], server: 's', owner: 'o', org: 'default' },
};
/** Longer than anything lives that came of a token or a grant before its revocation. */
const LONG = 610_000;
const GRANT = { code: 'CONNECTION_REVOKED', message: /The grant behind this token was revoked/ };

const revoke = (view: StatusView, what: 'token' | 'grant' | 'client', id: string, at: number): void =>
  view.apply({ kind: 'revoked', revision: 1, what, id }, at);

test('[revoke.fast] a revoked grant is remembered longer than anything lives that came of it', () => {
  const view = new StatusView();
  revoke(view, 'grant', 'g', 0);
  for (let at = 1; at <= LONG; at += 10_000) revoke(view, 'grant', `another at ${at}`, at);
  assert.throws(() => view.assertStands(STANDING), GRANT);
});

test('[revoke.fast] a grant that is revoked once more is remembered from then on', () => {
  const view = new StatusView();
  revoke(view, 'grant', 'g', 0);
  revoke(view, 'grant', 'other', 1);
  revoke(view, 'grant', 'g', LONG);
  revoke(view, 'grant', 'another', 2 * LONG);
  assert.throws(() => view.assertStands(STANDING), GRANT);
});

for (const what of ['token', 'grant'] as const) {
  test(`a ${what} that was revoked long ago takes no memory any more`, () => {
    const view = new StatusView();
    revoke(view, what, what.slice(0, 1), 0);
    assert.throws(() => view.assertStands(STANDING));
    revoke(view, what, 'another', 900_001);
    view.assertStands(STANDING);
  });
}

test('[revoke.fast] a client, of which new tokens could come, is remembered for good', () => {
  const view = new StatusView();
  revoke(view, 'client', 'c', 0);
  revoke(view, 'client', 'another', 1e12);
  assert.throws(() => view.assertStands(STANDING), { code: 'CONNECTION_REVOKED' });
});
