/** Real sockets to a real server: the certificate, the address that was checked, and everything that is not followed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OutsideDocuments } from './fetch.ts';
import { openOutside, wayOutside, type Way } from './open.ts';
import { createCa, serve, type TestCa } from './servers.test-support.ts';

let ca: TestCa;
let directory: string;
let caFile: string;
before(async () => {
  ca = await createCa();
  directory = await mkdtemp(join(tmpdir(), 'dauth-outside-'));
  caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, ca.pem);
});
after(() => rm(directory, { recursive: true }));

const LIMITS = {
  ...{ maxOctets: 1_024, timeoutMs: 10_000, leastMs: 60_000, mostMs: 60_000, lastGoodMs: 0, coolDownMs: 0 },
  ...{ entries: 16, atOnce: 4, perHost: 30 },
};

/** The product's own way, told that every name is at this address. */
function way(ip = '127.0.0.1', trusted = [caFile]): Way {
  const real = wayOutside({ ca: trusted, dangerouslyAllowLoopback: true }, () => performance.now());
  return { ...real, resolve: async () => [ip] };
}

async function fetchFrom(
  listener: RequestListener,
  options: { names?: readonly string[]; identity?: object; way?: Way; host?: string } = {},
): Promise<object> {
  const { names = ['idp.example'], host = 'idp.example' } = options;
  const server = await serve(await ca.issue(names, options.identity), listener);
  try {
    const documents = new OutsideDocuments({ ...(options.way ?? way()), ...LIMITS });
    return { ...(await documents.get(`https://${host}:${server.port}/keys`)) };
  } finally {
    server.close();
  }
}

const good: RequestListener = (request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ host: request.headers.host, accept: request.headers.accept, path: request.url }));
};

test('a document comes over TLS from exactly the checked address, under the name of its host', async () => {
  const document = (await fetchFrom(good)) as { host: string; accept: string; path: string };
  assert.match(document.host, /^idp\.example:\d+$/);
  assert.deepEqual([document.accept, document.path], ['application/json', '/keys']);
});

test('a certificate for another host, by another authority, expired, or by common name only is refused', async () => {
  for (const [what, options] of Object.entries({
    'another host': { names: ['other.example'] },
    'a common name only': { names: [], identity: { commonName: 'idp.example' } },
    'a wildcard over two labels': { names: ['*.example'], host: 'a.idp.example' },
    expired: { identity: { expired: true } },
    'another authority': { way: way('127.0.0.1', []) },
  }))
    await assert.rejects(fetchFrom(good, options), { fault: 'tls' }, what);
  assert.ok(await fetchFrom(good, { names: ['*.idp.example'], host: 'a.idp.example' }));
});

test('a redirect is a refusal, and nothing is asked where it points', async () => {
  let asked = 0;
  for (const status of [301, 302, 303, 307, 308])
    await assert.rejects(
      fetchFrom((request, response) => {
        asked++;
        response.writeHead(status, { location: `https://idp.example:${request.socket.localPort}/other` }).end('{}');
      }),
      { fault: 'status' },
    );
  assert.equal(asked, 5);
});

test('a body without end is cut off at the bound, and its connection is closed', async () => {
  let closed: () => void = () => undefined;
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  await assert.rejects(
    fetchFrom((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => void (response.destroyed || response.write(' '.repeat(512), more));
      response.on('close', closed);
      more();
    }),
    { fault: 'size' },
  );
  await isClosed;
});

test('a host that takes the connection and says nothing runs out of time', async () => {
  const documents = new OutsideDocuments({ ...way(), ...LIMITS, timeoutMs: 50 });
  const server = await serve(await ca.issue(['idp.example']), () => undefined);
  await assert.rejects(documents.get(`https://idp.example:${server.port}/keys`), { fault: 'timeout' });
  server.close();
});

test('a closed port is unreachable', async () => {
  const server = await serve(await ca.issue(['idp.example']), good);
  server.close();
  const documents = new OutsideDocuments({ ...way(), ...LIMITS });
  await assert.rejects(documents.get(`https://idp.example:${server.port}/keys`), { fault: 'unreachable' });
});

test('a proxy that the environment names is not used', async () => {
  const before = { ...process.env };
  Object.assign(process.env, {
    HTTPS_PROXY: 'http://127.0.0.1:9',
    https_proxy: 'http://127.0.0.1:9',
    ALL_PROXY: 'http://127.0.0.1:9',
  });
  Object.assign(process.env, { NODE_USE_ENV_PROXY: '1' });
  try {
    assert.ok(await fetchFrom(good));
  } finally {
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) delete process.env[name];
    Object.assign(process.env, before);
  }
});

test('NODE_TLS_REJECT_UNAUTHORIZED does not switch the check off', async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    await assert.rejects(fetchFrom(good, { way: way('127.0.0.1', []) }), { fault: 'tls' });
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

test('without the dangerous switch the same server is not even dialled', async () => {
  let asked = 0;
  const closed = { ...wayOutside({ ca: [caFile], dangerouslyAllowLoopback: false }, () => 0), resolve: way().resolve };
  await assert.rejects(
    fetchFrom((_, response) => void (asked++, response.end()), { way: closed }),
    { fault: 'address' },
  );
  assert.equal(asked, 0);
});

test('a file that is no certificate stops the start with a sentence', () => {
  const file = join(directory, 'not.pem');
  writeFileSync(file, 'hello');
  for (const path of [file, join(directory, 'none.pem')])
    assert.throws(() => wayOutside({ ca: [path], dangerouslyAllowLoopback: false }, () => 0), {
      message: `outside.ca: ${path} cannot be read as a PEM certificate.`,
    });
});

test('documents of issuers have bounds of their own', async () => {
  const server = await serve(await ca.issue(['idp.example']), good);
  const { issuers } = openOutside(way());
  assert.ok(await issuers.get(`https://idp.example:${server.port}/keys`));
  server.close();
});
