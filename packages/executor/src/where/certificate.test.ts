/** Whether a certificate speaks for a host (RFC 9525), with real certificates of every tempting shape. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import type * as x509 from '@peculiar/x509';
import { checkServerName } from './certificate.ts';
import { TestCa } from '../support/upstreams.test-support.ts';

const HOST = 'api.example.com';
const OTHER_HOST = { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: 'The certificate is for another host.' };

let ca: TestCa;
before(async () => {
  ca = await TestCa.create();
});

async function verdict(host: string, names: x509.JsonGeneralNames, commonName?: string): Promise<Error | undefined> {
  const { cert } = await ca.issue(names, commonName === undefined ? {} : { commonName });
  return checkServerName(host, new X509Certificate(cert).raw);
}
const dns = (...values: readonly string[]): x509.JsonGeneralNames => values.map((value) => ({ type: 'dns', value }));

for (const [what, host, names] of [
  ['its own name', HOST, dns(HOST)],
  ['its own name in capitals', HOST, dns('API.EXAMPLE.COM')],
  ['its own name beside others', HOST, dns('other.example', HOST)],
  ['one whole left-most label', HOST, dns('*.example.com')],
  ['an A-label', 'xn--bcher-kva.example', dns('xn--bcher-kva.example')],
] as const) {
  test(`[dispatch.bound] a certificate with ${what} speaks for a host`, async () => {
    assert.equal(await verdict(host, names), undefined);
  });
}

for (const [what, host, names, commonName] of [
  ['another name', HOST, dns('api.example.org')],
  ['the name as its common name only', HOST, [], HOST],
  ['the name as its common name beside another', HOST, dns('other.example'), HOST],
  ['the parent domain', HOST, dns('example.com')],
  ['a wildcard one label above', HOST, dns('*.com')],
  ['a wildcard for two labels', 'a.b.example.com', dns('*.example.com')],
  ['a wildcard for no label', 'example.com', dns('*.example.com')],
  ['a partial wildcard', HOST, dns('a*.example.com')],
  ['a wildcard that is not left-most', HOST, dns('api.*.com')],
  ['a bare wildcard', HOST, dns('*')],
  ['a wildcard beside an A-label', 'xn--bcher-kva.example', dns('xn--*.example')],
  ['a trailing dot', HOST, dns(`${HOST}.`)],
  ['the name behind a dot', HOST, dns(`.${HOST}`)],
  ['the name with a NUL inside', HOST, dns(`${HOST}\0.evil.example`)],
  ['the name as a URI', HOST, [{ type: 'url', value: `https://${HOST}` }]],
  ['the name as an e-mail address', HOST, [{ type: 'email', value: `a@${HOST}` }]],
  ['an address', '192.0.2.1', [{ type: 'ip', value: '192.0.2.1' }]],
  ['an address as a name', '192.0.2.1', [{ type: 'ip', value: '192.0.2.1' }, ...dns('192.0.2.2')]],
  ['a name that prints like two (CVE-2021-44532)', HOST, dns(`x, DNS:${HOST}`)],
  ['no name at all', HOST, []],
] as readonly (readonly [string, string, x509.JsonGeneralNames, string?])[]) {
  test(`[dispatch.bound] a certificate with ${what} speaks for nobody else`, async () => {
    const error = await verdict(host, names, commonName);
    assert.deepEqual({ code: error && 'code' in error && error.code, message: error?.message }, OTHER_HOST);
  });
}

test('[dispatch.bound] a host with dots or letters that only look like ASCII has no certificate', async () => {
  for (const host of [
    'api。example.com',
    'api．example．com',
    'аpi.example.com',
    'API.example.com',
    'api.example.com.',
    'api..com',
    '',
    '[::1]',
  ]) {
    const error = await verdict(host, dns(HOST, 'api.example.com'));
    assert.equal(error?.message, OTHER_HOST.message, host);
  }
});
