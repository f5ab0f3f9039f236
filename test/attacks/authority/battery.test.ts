/**
 * The negative battery: every entry to the authority, which answers exactly as it says, and to oidc-provider, whose answer is
 * the same or stands in spec/divergences.md. One process each for all entries.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { makeTempDir } from '../../support/process.ts';
import { DIVERGENCES } from './divergences.ts';
import { ENTRIES } from './entries.ts';
import type { Answer, Base } from './entry.ts';
import { answerOf, assertOurs } from './judge.ts';
import { startOracle } from './oracle.ts';
import { startOurs } from './ours.ts';
import { ask } from './request.ts';
import { makeKey, type Side } from './side.ts';
import { comparable, PAIRS } from './silence.ts';

/** What the oracle answers otherwise, by entry. */
const OTHERWISE: ReadonlyMap<string, Answer> = new Map(
  Object.values(DIVERGENCES).flatMap((entries) => Object.entries(entries)),
);
const GOOD: readonly (readonly [Base, Answer])[] = [
  ['par', [201, 'given']],
  ['authorize', [303, 'led on']],
  ...(['credentials', 'code', 'refresh', 'device', 'introspect'] as const).map((to) => [to, [200, 'given']] as const),
  ['revoke', [200, 'gone']],
];
/** What only the authority has. */
const OURS = ['workload', 'exchange'] as const;

test('each divergence of the oracle is explained, and each explanation is needed', () => {
  const page = readFileSync(new URL('../../../../spec/divergences.md', import.meta.url), 'utf8');
  const explained = [...page.matchAll(/^\| `(o\.[a-z-]+)` \|/gm)].map(([, id]) => id);
  assert.deepEqual(explained, Object.keys(DIVERGENCES));
});

test('entries have ids of their own, and every divergence is one of an entry', () => {
  const ids = new Set(ENTRIES.map(({ id }) => id));
  assert.equal(ids.size, ENTRIES.length);
  assert.deepEqual(
    [...OTHERWISE.keys()].filter((id) => !ids.has(id)),
    [],
  );
  const diverging = Object.values(DIVERGENCES).flatMap((entries) => Object.keys(entries));
  assert.equal(new Set(diverging).size, diverging.length, 'an entry diverges once');
});

suite('the negative battery', { timeout: 170_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let ours: Side;
  let oracle: Side;
  before(async () => {
    dir = await makeTempDir();
    const made = await Promise.all([makeKey(), makeKey(), makeKey(), makeKey(), makeKey(), makeKey()]);
    const [agent, server, careful, device, platform, stranger] = made;
    const keys = { agent, server, careful, device, platform, stranger };
    [ours, oracle] = await Promise.all([startOurs(dir.path, keys), startOracle(keys)]);
  });
  after(async () => {
    await Promise.all([ours?.stop(), oracle?.stop()]);
    await dir?.[Symbol.asyncDispose]();
  });

  for (const [to, answer] of GOOD)
    test(`control: ${to} as it stands is good at both`, async () => {
      for (const side of [ours, oracle]) {
        const got = await ask(side, to, {});
        assert.deepEqual(answerOf(got), answer, `${side.name}: ${got.text}`);
      }
    });

  for (const to of OURS)
    test(`control: ${to} as it stands is good`, async () => {
      const got = await ask(ours, to, {});
      assert.deepEqual(answerOf(got), [200, 'given'], got.text);
    });

  test('control: the token of an exchange signed again, and details that are fewer, are good', async () => {
    const detail = { type: 'dauth_connection', identifier: 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a' };
    const place = { locations: ['https://api.github.com'] };
    const has = { ...detail, ...place, actions: ['GET /repos/**'] };
    const wants = JSON.stringify([{ ...detail, ...place, actions: ['GET /repos/octo/hello'] }]);
    const subject = { claims: { authorization_details: [has] } };
    for (const change of [{ subject }, { subject, form: { authorization_details: wants } }]) {
      const got = await ask(ours, 'exchange', change);
      assert.deepEqual(answerOf(got), [200, 'given'], got.text);
    }
  });

  test('an assertion may be for the issuer, the token endpoint and the endpoint it is sent to (RFC 9126 §2)', async () => {
    for (const side of [ours, oracle])
      for (const aud of [side.issuer, `${side.issuer}/token`, `${side.issuer}${side.paths.par}`]) {
        const got = await ask(side, 'par', { by: 'agent', assertion: { claims: { aud } } });
        assert.deepEqual(answerOf(got), [201, 'given'], `${side.name}, ${aud}: ${got.text}`);
      }
  });

  for (const entry of ENTRIES) {
    const { id, must, what, to, change, answer } = entry;
    test(`${id}: ${what} (${must})`, async () => {
      const [got, said] = await Promise.all([ask(ours, to, change), ask(oracle, to, change)]);
      assert.deepEqual(answerOf(got), answer, got.text);
      assertOurs(entry, got, ours.issuer);
      const otherwise = OTHERWISE.get(id);
      assert.notDeepEqual(otherwise, answer, 'a divergence that is none any more');
      assert.deepEqual(answerOf(said), otherwise ?? answer, `the oracle: ${said.text}`);
    });
  }

  for (const { id, what, to, known, unknown } of PAIRS)
    test(`silence.${id}: ${what}: one answer`, async () => {
      const first = comparable(await ask(ours, to, known));
      assert.deepEqual(first, comparable(await ask(ours, to, unknown)));
    });

  test('silence.user-code: a user code that was answered, and none: one page', async () => {
    const { device_code: _, user_code } = JSON.parse((await ask(ours, 'device', {})).text) as Record<string, string>;
    const type = async (code: string) => {
      const form = await ours.person.visit(`${ours.issuer}/device`);
      assert.ok(!(form instanceof URL));
      const shown = await ours.person.submit(form, { user_code: code });
      assert.ok(!(shown instanceof URL));
      return shown;
    };
    const asked = await type(user_code!);
    assert.equal(asked.status, 200, 'control: the code is one');
    await ours.person.submit(asked, { decision: 'deny' });
    const [answered, none] = [await type(user_code!), await type('BCDF-GHJK')];
    assert.equal(answered.status, none.status);
    // Ids, and the code as it was typed, in the field it was typed into.
    const withoutIds = (html: string) => html.replaceAll(/[0-9a-f-]{36}|value="[\w-]{43}"|value="[\w-]{9}"/g, 'ID');
    assert.equal(withoutIds(answered.html), withoutIds(none.html));
  });
});
