/** Where a request may go by address: nothing but global unicast, every answer of the resolver, in any spelling. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { parseOrigin, type Origin } from '@dauth/protocol';
import { AddressBook, isGloballyRoutable, makeSystemResolver } from './address.ts';
import { callAndRead } from '../support/calls.test-support.ts';
import { TestCa, serveHttps, type TestServer } from '../support/upstreams.test-support.ts';
import { createUpstream } from '../wire/upstream.ts';

const NOT_PUBLIC = {
  code: 'POLICY_DENIED',
  publicMessage: 'The origin does not resolve to public addresses only, so nothing is sent to it.',
};
const ORIGIN = parseOrigin('https://api.example.com');

const INSIDE: Readonly<Record<string, readonly string[]>> = {
  'this host and loopback': ['0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.254', '::', '::1'],
  'private networks': [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
  ],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.254'],
  'link-local and cloud metadata': [
    '169.254.169.254',
    '169.254.170.2',
    'fe80::1',
    '168.63.129.16',
    '::ffff:168.63.129.16',
  ],
  'IPv4-mapped and compatible': ['::ffff:10.0.0.1', '::ffff:7f00:1', '::10.0.0.1', '::127.0.0.1', '::ffff:0:127.0.0.1'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1'],
  '6to4, Teredo, ISATAP': [
    '2002:7f00:1::',
    '2002:a00:1::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2a00::5efe:7f00:1',
    '2a00:1450::200:5efe:a00:1',
  ],
  'protocol assignments and benchmarks': [
    '192.0.0.8',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
  ],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1'],
  'multicast, reserved, broadcast': [
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    'ff02::1',
    '100::1',
    '5f00::1',
  ],
  'an address with a zone': ['fe80::1%eth0', '2606:4700::1111%lo'],
  'an address in another spelling': [
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '10.1',
    '0xa9fea9fe',
    '16843009',
    '1.1',
    '0x1.0x1.0x1.0x1',
    '01.1.1.1',
  ],
  'something that is no address': ['', 'localhost', '1.2.3.4.5', '1.2.3.256', ' 1.1.1.1', '1.1.1.1/8', '[::1]'],
};
for (const [what, ips] of Object.entries(INSIDE)) {
  test(`[dispatch.bound] an origin that resolves to ${what} is not reached`, async () => {
    for (const ip of ips) await assert.rejects(bookOf(async () => [ip]).check(ORIGIN), NOT_PUBLIC, ip);
  });
}

test('[dispatch.bound] public addresses are reached as they were resolved', async () => {
  const ips = ['1.1.1.1', '140.82.121.6', '2606:4700::1111', '2a00:1450:4001:81c::200e'];
  const { host, port, scheme, ips: checked } = await bookOf(async () => ips).check(ORIGIN);
  assert.deepEqual([host, port, scheme, checked], ['api.example.com', 443, 'https', ips]);
});

test('[dispatch.bound] one private address among public ones refuses them all', async () => {
  for (const ip of ['10.0.0.1', '::ffff:127.0.0.1', '169.254.169.254'])
    await assert.rejects(bookOf(async () => ['1.1.1.1', ip]).check(ORIGIN), NOT_PUBLIC);
});

test('[dispatch.bound] loopback names and http are not even resolved without the dangerous switch', async () => {
  const asked: string[] = [];
  const book = bookOf(async (host) => {
    asked.push(host);
    return ['1.1.1.1'];
  });
  for (const origin of ['https://localhost', 'https://api.localhost', 'http://api.example.com'])
    await assert.rejects(book.check(origin as Origin), NOT_PUBLIC);
  assert.deepEqual(asked, []);
});

test('[dispatch.bound] the switch opens loopback and nothing else', async () => {
  const open = (ip: string) => bookOf(async () => [ip], { dangerouslyAllowLoopback: true });
  assert.deepEqual((await open('127.0.0.1').check('http://localhost:8080' as Origin)).ips, ['127.0.0.1']);
  for (const ip of ['10.0.0.1', '169.254.169.254', '0.0.0.0']) await assert.rejects(open(ip).check(ORIGIN), NOT_PUBLIC);
  await assert.rejects(open('1.1.1.1').check('http://api.example.com' as Origin), NOT_PUBLIC);
});

test('a name without addresses, a failing and a silent resolver are unreachable upstreams', async () => {
  await assert.rejects(bookOf(async () => []).check(ORIGIN), { code: 'DOWNSTREAM_UNREACHABLE' });
  const failing = bookOf(() => Promise.reject(new Error('SERVFAIL')));
  await assert.rejects(failing.check(ORIGIN), { code: 'DOWNSTREAM_UNREACHABLE' });
  const silent = bookOf(() => new Promise(() => undefined), { timeoutMs: 10 });
  await assert.rejects(silent.check(ORIGIN), { code: 'DOWNSTREAM_TIMEOUT' });
});

test('one question per name is open at a time, and an answer is used again for ten seconds', async () => {
  const clock = { ms: 0 };
  let asked = 0;
  let answer: (ips: readonly string[]) => void = () => undefined;
  const resolve = (): Promise<readonly string[]> => {
    asked++;
    return new Promise((done) => (answer = done));
  };
  const book = bookOf(resolve, { now: () => clock.ms });
  const both = Promise.all([book.check(ORIGIN), book.check('https://api.example.com:8443' as Origin)]);
  answer(['1.1.1.1']);
  await both;
  clock.ms = 9_999;
  await book.check(ORIGIN);
  assert.equal(asked, 1);
  clock.ms = 10_000;
  const again = book.check(ORIGIN);
  answer(['1.1.1.1']);
  await again;
  assert.equal(asked, 2);
});

test('the system’s loopback names are resolved without DNS', async () => {
  const ips = await makeSystemResolver()('localhost');
  assert.equal(ips.length > 0 && ips.every((ip) => ip === '127.0.0.1' || ip === '::1'), true);
});

let server: TestServer;
let ca: TestCa;
before(async () => {
  ca = await TestCa.create();
  server = await serveHttps(await ca.issue([{ type: 'dns', value: 'localhost' }]), (_, response) =>
    response.end('right'),
  );
});
after(() => server[Symbol.asyncDispose]());

test('[dispatch.bound] a name that changes its mind after the check is dialled where it was checked', async () => {
  const other = createServer((socket) => socket.destroy());
  await new Promise<void>((listening) => other.listen(server.port, '127.0.0.2', listening));
  assert.equal((other.address() as AddressInfo).address, '127.0.0.2');
  let asked = 0;
  const resolve = async (): Promise<readonly string[]> => [asked++ === 0 ? '127.0.0.1' : '127.0.0.2'];
  const upstream = createUpstream({ ca: [ca.pem], dangerouslyAllowLoopback: true, nowMs: Date.now, resolve });
  const { body } = await callAndRead(upstream, server.origin);
  assert.deepEqual([body.toString(), asked], ['right', 1]);
  await upstream.close();
  other.close();
});

function bookOf(
  resolve: (host: string) => Promise<readonly string[]>,
  options: { dangerouslyAllowLoopback?: boolean; timeoutMs?: number; now?: () => number } = {},
): AddressBook {
  return new AddressBook({ resolve, dangerouslyAllowLoopback: false, now: () => 0, timeoutMs: 10_000, ...options });
}

test('every spelling that is refused is refused by itself too', () => {
  for (const ip of Object.values(INSIDE).flat()) assert.equal(isGloballyRoutable(ip), false, ip);
});
