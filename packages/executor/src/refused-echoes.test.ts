/** Answers that hold a credential whose owner sealed that such answers fail (§2.1 `echoes`): real TLS, both doors, and the audit. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { LOGIN, LoginWorld, refusalOf } from './support/login.test-support.ts';

const TOKEN = 'st-0123456789-canary';
const ECHOES = { echoes: 'refused' };

let at: LoginWorld;
before(async () => (at = await LoginWorld.open()));
beforeEach(async () => {
  at.used = () => '{"me":true}';
  at.says = () => ({ body: JSON.stringify({ auth: { token: TOKEN } }) });
  await at.connect(ECHOES, ECHOES);
});
after(() => at[Symbol.asyncDispose]());

test('[response.clean] an API that echoes is refused through both doors, and the audit says so of each', async () => {
  assert.equal((await at.logIn()).json.success, true);
  at.used = ({ authorization }) => `{"you":"${authorization}","hex":"${Buffer.from(TOKEN).toString('hex')}"}`;
  const buffered = refusalOf(await at.use());
  assert.deepEqual([buffered.code, /its owner sealed/.test(buffered.message!)], ['RESPONSE_UNSCANNABLE', true]);
  const streamed = await at.world.stream(at.session, '/me', { token: at.token() });
  assert.deepEqual([streamed.status, streamed.json.code], [502, 'RESPONSE_UNSCANNABLE'], streamed.text);
  assert.ok(!streamed.text.includes('you'), 'of the answer nothing went out before it was known to hold the value');
  const outcomes = at.world.journal().filter(({ kind }) => kind === 'outcome');
  assert.deepEqual(
    outcomes.slice(-2).map(({ code }) => code),
    ['RESPONSE_UNSCANNABLE', 'RESPONSE_UNSCANNABLE'],
  );
});

test('an API that does not echo is used as ever through both doors', async () => {
  assert.equal((await at.logIn()).json.success, true);
  assert.equal((await at.use()).json.success, true);
  const streamed = await at.world.stream(at.session, '/me', { token: at.token() });
  assert.deepEqual([streamed.status, streamed.text], [200, '{"me":true}']);
});

for (const [what, more] of [
  ['the password', { again: LOGIN.password }],
  ['the token in a second place', { again: TOKEN }],
] as const)
  test(`[response.clean] a login whose answer holds ${what} is refused, and what it captured is used all the same`, async () => {
    at.says = () => ({ body: JSON.stringify({ auth: { token: TOKEN }, ...more }) });
    const reply = await at.logIn();
    assert.equal(refusalOf(reply).code, 'RESPONSE_UNSCANNABLE', reply.text);
    assert.equal((await at.use()).json.success, true);
    assert.equal(at.came.at(-1)!.authorization, `Bearer ${TOKEN}`);
  });
