/** Where the authority may fetch from: names under https, and global unicast, every answer of the resolver, in any spelling. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAddresses, isGloballyRoutable, makeSystemResolve, parseOutsideUrl } from './address.ts';

const HOST = new URL('https://idp.example/');

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
  'link-local and cloud metadata': ['169.254.169.254', '169.254.170.2', 'fe80::1', '168.63.129.16'],
  'IPv4-mapped and compatible': ['::ffff:10.0.0.1', '::ffff:7f00:1', '::10.0.0.1', '::ffff:168.63.129.16'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1'],
  '6to4, Teredo, ISATAP': ['2002:7f00:1::', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2a00::5efe:7f00:1'],
  'protocol assignments and benchmarks': ['192.0.0.8', '192.88.99.1', '198.18.0.1', '198.19.255.255', '2001:2::1'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1'],
  'multicast, reserved, broadcast': ['224.0.0.1', '240.0.0.1', '255.255.255.255', 'ff02::1', '100::1', '5f00::1'],
  'an address that nobody was given': ['4000::1', '8000::1', 'e000::1'],
  'an address with a zone': ['fe80::1%eth0', '2606:4700::1111%lo'],
  'an address in another spelling': ['127.1', '0x7f.1', '2130706433', '0177.0.0.1', '10.1', '1.1', '01.1.1.1'],
  'something that is no address': ['', 'localhost', '1.2.3.4.5', '1.2.3.256', ' 1.1.1.1', '1.1.1.1/8', '[::1]'],
};
for (const [what, ips] of Object.entries(INSIDE)) {
  test(`a host that resolves to ${what} is not asked`, async () => {
    for (const ip of ips) {
      await assert.rejects(
        checkAddresses(HOST, async () => [ip], false),
        { fault: 'address' },
        ip,
      );
      assert.equal(isGloballyRoutable(ip), false, ip);
    }
  });
}

test('public addresses are taken as they were resolved, and one private among them refuses them all', async () => {
  const ips = ['1.1.1.1', '140.82.121.6', '2606:4700::1111'];
  assert.deepEqual(await checkAddresses(HOST, async () => ips, false), ips);
  for (const ip of ['10.0.0.1', '::ffff:127.0.0.1', '169.254.169.254'])
    await assert.rejects(
      checkAddresses(HOST, async () => [...ips, ip], false),
      { fault: 'address' },
    );
});

test('a name without addresses and a failing resolver are unreachable', async () => {
  await assert.rejects(
    checkAddresses(HOST, async () => [], false),
    { fault: 'unreachable' },
  );
  await assert.rejects(
    checkAddresses(HOST, () => Promise.reject(new Error('SERVFAIL')), false),
    {
      fault: 'unreachable',
    },
  );
});

test('only https to a name is a URL to fetch from', () => {
  for (const url of [
    'https://idp.example',
    'https://idp.example/.well-known/openid-configuration',
    'https://idp.example:8443/keys?v=1',
    'https://a-b.co',
  ])
    assert.equal(parseOutsideUrl(url, false).protocol, 'https:');
  for (const url of [
    'http://idp.example/',
    'ftp://idp.example/',
    'file:///etc/passwd',
    'https://user@idp.example/',
    'https://user:pass@idp.example/',
    'https://idp.example/#part',
    'https://idp.example/#',
    'https://1.1.1.1/',
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://[2606:4700::1111]/',
    'https://[::1]/',
    'https://localhost/',
    'https://a.localhost/',
    'https://idp.example./',
    'https://idp.example\\@evil.example/',
    'https://idp.example/a b',
    ' https://idp.example/',
    'https://idp.example/\n',
    'https://bücher.example/',
    'https:idp.example',
    'https:///idp.example',
    '//idp.example/',
    '',
    `https://idp.example/${'x'.repeat(2_048)}`,
  ])
    assert.throws(() => parseOutsideUrl(url, false), { fault: 'url' }, url);
});

test('the dangerous switch opens loopback and nothing else', async () => {
  assert.equal(parseOutsideUrl('http://127.0.0.1:9/', true).hostname, '127.0.0.1');
  assert.equal(parseOutsideUrl('http://localhost/', true).hostname, 'localhost');
  for (const url of ['http://idp.example/', 'https://10.0.0.1/', 'https://1.1.1.1/'])
    assert.throws(() => parseOutsideUrl(url, true), { fault: 'url' }, url);
  const local = new URL('http://localhost/');
  assert.deepEqual(await checkAddresses(local, async () => ['127.0.0.1'], true), ['127.0.0.1']);
  for (const ip of ['10.0.0.1', '169.254.169.254', '0.0.0.0'])
    await assert.rejects(
      checkAddresses(HOST, async () => [ip], true),
      { fault: 'address' },
      ip,
    );
  await assert.rejects(
    checkAddresses(local, async () => ['1.1.1.1'], true),
    { fault: 'address' },
  );
});

test("the system's resolver knows this machine by its own names", async () => {
  const ips = await makeSystemResolve()('localhost');
  assert.ok(ips.length > 0 && ips.every((ip) => ip === '::1' || ip.startsWith('127.')), ips.join());
});
