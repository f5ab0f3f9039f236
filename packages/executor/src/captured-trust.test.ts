/** Whose word decides what is captured into what: an authority that serves envelopes of its own, or old ones, gets nothing. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { parseEnvelope, type ConnectionHandle, type EnvelopePolicy } from '@dauth/protocol';
import { LOGIN, LoginWorld, refusalOf } from './support/login.test-support.ts';
import { endorsement } from './support/statements.test-support.ts';
import { makeSigner } from './support/signer.test-support.ts';

let at: LoginWorld;
beforeEach(async () => {
  at = await LoginWorld.open();
  at.says = () => ({ body: JSON.stringify({ auth: { token: 'st-0123456789abcdef' } }) });
});
afterEach(() => at[Symbol.asyncDispose]());

const policyOf = (handle: ConnectionHandle): EnvelopePolicy =>
  parseEnvelope(at.world.authority.stored.get(handle)!.envelope).header.dauth;

/** Another's envelope is used first under the handle of one of the two, and vouches then for the owner's key. */
async function takeOver(handle: ConnectionHandle, fields: Readonly<Record<string, string>>): Promise<void> {
  const { authority, device } = at.world;
  const evil = makeSigner();
  const { capture, captured, inject, ...plain } = policyOf(handle);
  authority.stored.set(handle, await at.world.seal(handle, plain, evil));
  const used = handle === at.session ? await at.use() : await at.logIn({ body: { user: 'x' } });
  assert.equal(used.json.success, true, used.text);
  const again = { ...plain, inject, ver: 2, ...(capture && { capture }), ...(captured && { captured }) };
  const endorsements = [endorsement(evil, handle, device.jkt)];
  authority.stored.set(handle, { ...(await at.world.seal(handle, again, evil, fields)), endorsements });
  await at.world.change({ kind: 'connection', handle, status: 'active', ver: 2 });
}

for (const [what, handle, fields] of [
  ['into a connection', 'session', {}],
  ['out of a login', 'login', LOGIN],
] as const)
  test(`[seal.bound] nothing is captured ${what} whose sealer vouches for the owner’s key, and not the other way`, async () => {
    await takeOver(at[handle], fields);
    const came = at.came.length;
    const refusal = refusalOf(await at.logIn());
    assert.equal(refusal.code, 'POLICY_DENIED', refusal.message);
    assert.match(refusal.message!, /sealed by another key than the login/);
    assert.equal(at.came.length, came);
  });

test('[revoke.fast] a connection that is revoked while its login begins is captured into no more', async () => {
  const { authority } = at.world;
  authority.onLease = () => at.world.change({ kind: 'connection', handle: at.session, status: 'revoked', ver: 1 });
  assert.equal(refusalOf(await at.logIn()).code, 'CONNECTION_REVOKED');
  assert.equal(at.came.length, 0);
});

test('[seal.bound] an older version of a login, or one that another key sealed, vouches for nothing captured', async () => {
  await at.logIn();
  const { authority } = at.world;
  const first = authority.stored.get(at.login)!;
  const evil = await at.world.seal(at.login, { ...policyOf(at.login), ver: 2 }, makeSigner(), LOGIN);
  authority.stored.set(at.login, evil);
  await at.world.change({ kind: 'connection', handle: at.login, status: 'active', ver: 2 });
  assert.equal(refusalOf(await at.use()).code, 'POLICY_DENIED');
  authority.stored.set(at.login, await at.world.seal(at.login, { ...policyOf(at.login), ver: 2 }, undefined, LOGIN));
  await at.world.change({ kind: 'connection', handle: at.login, status: 'active', ver: 2 });
  assert.equal((await at.use()).json.success, true);
  assert.equal((await at.logIn()).json.success, true);
  authority.stored.set(at.login, first);
  await at.world.change({ kind: 'connection', handle: at.login, status: 'active', ver: 2 });
  assert.notEqual((await at.use()).json.success, true);
});
