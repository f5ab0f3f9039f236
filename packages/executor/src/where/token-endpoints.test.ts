/** Step 4 of a dispatch where the policy allows everything: known token endpoints are no target, whoever asks and however. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { assertRefused } from '../support/refused.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { detail, ORIGIN } from '../support/statements.test-support.ts';

const REFUSED = { code: 'POLICY_DENIED', says: /^This is a known token endpoint \(/, step: 4 } as const;
const STS = 'https://sts.eu-west-1.amazonaws.com';
const ALL = ['GET', 'POST'];

let world: World;
before(async () => (world = await World.open()));
after(() => world[Symbol.asyncDispose]());

function connect(members: object = {}): Promise<ConnectionHandle> {
  return world.connect({
    allow: [ORIGIN, STS].map((origin) => ({ origin, methods: ALL, paths: ['/**'] })),
    ...members,
  });
}

/** A token that allows as much. */
function token(handle: ConnectionHandle, origin = ORIGIN): string {
  const actions = ALL.map((method) => `${method} /**`);
  return world.token(handle, { authorization_details: [detail(handle, { locations: [origin], actions })] });
}

for (const target of ['/login/oauth/access_token', '/oauth2/v4/token?x=1', '/token', '/OAuth/%74oken;v=1']) {
  test(`[response.clean] ${target} is no target, though policy and token allow it, at both doors`, async () => {
    const handle = await connect();
    for (const method of ALL) {
      const to = { path: target, method, origin: ORIGIN };
      await assertRefused(world, () => world.dispatch(handle, to, token(handle)), REFUSED);
    }
    const headers = ['DAuth-Origin', ORIGIN];
    await assertRefused(world, () => world.stream(handle, target, { headers, token: token(handle) }), REFUSED);
  });
}

test('[response.clean] no path of a host that answers with credentials is a target', async () => {
  const handle = await connect();
  const to = { path: '/', method: 'POST', origin: STS };
  const says = /\(the host sts\.\*\.amazonaws\.com\)/;
  await assertRefused(world, () => world.dispatch(handle, to, token(handle, STS)), { ...REFUSED, says });
});

test('[response.clean] a path that is a token endpoint once the credential is in it is no target', async () => {
  const handle = await connect({ inject: [{ in: 'path', value: '{token}', segment: 1 }] });
  const to = { path: '/applications/token', method: 'POST', origin: ORIGIN };
  await assertRefused(world, () => world.dispatch(handle, to, token(handle)), REFUSED);
});

test('what only looks like a token endpoint is a target', async () => {
  const handle = await connect();
  const to = { path: '/repos/o/r/contents/src/auth/token.ts', origin: ORIGIN };
  const reply = await world.dispatch(handle, to, token(handle));
  assert.equal(reply.json.success, true, reply.text);
});
