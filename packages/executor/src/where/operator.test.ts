/** The operator's rules at both doors: whatever envelope and token allow, they only narrow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upstreamFor } from '../support/calls.test-support.ts';
import { assertRefused } from '../support/refused.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { ORIGIN } from '../support/statements.test-support.ts';
import { TestCa } from '../support/upstreams.test-support.ts';
import { AddressBook, parseRange } from './address.ts';

/** The clock of the tests begins on a Wednesday (2026-11-18), at 11:06:40 UTC. */
const DENIED = 'POLICY_DENIED';
for (const [what, rules, says] of [
  ['a host', { deny: { hosts: ['api.github.com'] } }, /does not allow this destination/],
  ['all names below one', { deny: { hosts: ['*.github.com'] } }, /does not allow this destination/],
  ['an origin', { deny: { origins: [ORIGIN] } }, /does not allow this destination/],
  ['a method', { deny: { methods: ['GET'] } }, /does not allow this method/],
  ['other hours', { hours: [{ from: '12:00', to: '24:00' }] }, /does not allow requests at this time/],
  ['other days', { hours: [{ days: ['thu'], from: '00:00', to: '24:00' }] }, /does not allow requests at this time/],
] as const) {
  test(`[dispatch.bound] an operator who denies ${what} is obeyed at both doors, before anything is opened`, async () => {
    await using world = await World.open({ config: { rules } });
    const handle = await world.connect();
    await assertRefused(world, () => world.stream(handle), { code: DENIED, says, step: 4 });
    await assertRefused(world, () => world.dispatch(handle), { code: DENIED, says, step: 4 });
    assert.deepEqual(world.checked, []);
  });
}

test('[dispatch.bound] what the operator says of others changes nothing, and never allows what is not sealed', async () => {
  const hours = [{ days: ['wed'], from: '11:00', to: '11:07' }];
  const deny = {
    hosts: ['github.com', '*.api.github.com', '*.thub.com'],
    origins: [`${ORIGIN}:8443`],
    methods: ['DELETE'],
  };
  await using world = await World.open({ config: { rules: { deny, hours, requestBytes: 10, responseBytes: 10_000 } } });
  const handle = await world.connect();
  assert.equal((await world.stream(handle)).status, 200);
  await assertRefused(world, () => world.stream(handle, '/admin'), { code: DENIED, step: 4 });
  world.clock.ms += 21_000;
  await world.change();
  await assertRefused(world, () => world.stream(handle), { code: DENIED, says: /at this time/, step: 4 });
});

test('[dispatch.bound] an endpoint on a host that the operator denies exchanges nothing', async () => {
  const scheme = {
    ...{ scheme: 'client_credentials', endpoint: 'https://login.example/token', auth: 'client_secret_basic' },
    ...{ client_id: 'app', client_secret: '{token}' },
  };
  await using world = await World.open({ config: { rules: { deny: { hosts: ['login.example'] } } } });
  const handle = await world.connect({ inject: [scheme] });
  await assertRefused(world, () => world.stream(handle), { code: DENIED, says: /this destination/, step: 4 });
});

test("[dispatch.bound] a body that is larger than the operator's most is refused, announced or not", async () => {
  await using world = await World.open({ config: { rules: { requestBytes: 5 } } });
  const handle = await world.connect();
  const ask = (body: string) =>
    world.stream(handle, '/repos/a', { method: 'POST', body, headers: ['Content-Type', 'text/plain'] });
  assert.equal((await ask('12345')).status, 200);
  await assertRefused(world, () => ask('123456'), { code: 'PAYLOAD_TOO_LARGE', says: /operator/, step: 4 });
  const path = `/connections/${handle}/repos/a`;
  const [authorization, token, name, proof] = world.headers('POST', path, world.token(handle));
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${authorization}: ${token}\r\n${name}: ${proof}\r\nContent-Type: text/plain\r\n`;
  world.answer = () => ({ headers: [['content-type', 'text/plain']] });
  const before = world.sent.length;
  const reply = await world.sendRaw(
    `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n6\r\n123456\r\n0\r\n\r\n`,
  );
  assert.equal(reply.headers['dauth-error'], 'PAYLOAD_TOO_LARGE');
  assert.equal(world.sent.length, before);
});

test('the way out is told how large an answer the operator takes', async () => {
  await using world = await World.open({ config: { rules: { responseBytes: 7 } } });
  await world.stream(await world.connect());
  assert.equal(world.sent.at(-1)?.maxResponseBytes, 7);
});

test('[dispatch.bound] nothing goes to an address in a range that the operator denies, however it is written', async () => {
  const check = (ip: string, ranges: readonly string[]) =>
    new AddressBook({
      ...{ resolve: async () => [ip], dangerouslyAllowLoopback: false, now: () => 0, timeoutMs: 1_000 },
      deny: ranges.map(parseRange),
    }).check(ORIGIN as never);
  const ranges = ['93.184.216.0/24', '2606:2800::/32'];
  for (const ip of ['93.184.216.34', '2606:2800::1']) await assert.rejects(check(ip, ranges), { code: DENIED }, ip);
  for (const ip of ['93.184.217.34', '2606:2801::1']) assert.deepEqual((await check(ip, ranges)).ips, [ip]);
  for (const bad of ['93.184.216.34', '93.184.216.0/33', '93.184/16', 'x/8', '::ffff:1.2.3.4/100'])
    assert.throws(() => parseRange(bad), /in CIDR notation/, bad);
  const ca = await TestCa.create();
  const upstream = upstreamFor(ca.pem, { deny: ['127.0.0.0/8', '::1/128'] });
  await assert.rejects(upstream.check('https://localhost' as never), { code: DENIED });
  await upstream.close();
});
