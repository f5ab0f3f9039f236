/** Calls under a client certificate: who is shown it, when, and what becomes of those who are not. */
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { before, test } from 'node:test';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAuthError, type Injection } from '@dauth/protocol';
import { callAndRead, HANDLE, upstreamFor, type CallOptions } from '../support/calls.test-support.ts';
import {
  issueClient,
  MTLS,
  sealedFields,
  type ClientIdentity,
  type ClientKind,
} from '../support/client-certificates.test-support.ts';
import { serveHttps, TestCa, type Identity, type TestServer } from '../support/upstreams.test-support.ts';
import { asDownstream } from './faults.ts';
import type { Upstream } from './upstream.ts';

let ca: TestCa;
let identity: Identity;
let ada: ClientIdentity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  ada = await issueClient(ca, 'P-256', 'ada');
});

interface Seen {
  readonly name: string;
  readonly socket: number;
}

/** Asks for a certificate, and answers with whose it was and with what it was sent. */
function serve(options: TlsOptions = {}, seen: Seen[] = []): Promise<TestServer> {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: [ca.pem] };
  return serveHttps(
    identity,
    (request, response) => {
      const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody';
      seen.push({ name, socket: request.socket.remotePort! });
      const { authorization = 'none' } = request.headers;
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => response.end(`${name} ${authorization} ${Buffer.concat(chunks).toString()}`));
    },
    { ...asks, ...options },
  );
}

const certifying = (): Upstream => upstreamFor(ca.pem, { isFreedOverwritten: () => true });

async function call(origin: string, who: ClientIdentity, options: CallOptions = {}, upstream = certifying()) {
  try {
    return await callAndRead(upstream, origin, { injections: MTLS, fields: sealedFields(who), ...options });
  } finally {
    await upstream.close();
  }
}

async function refused(calling: Promise<unknown>, code: string, message?: RegExp): Promise<void> {
  await assert.rejects(calling, (error: unknown) => {
    assert.ok(error instanceof DAuthError, String(error));
    assert.equal(error.code, code);
    if (message !== undefined) assert.match(error.publicMessage, message);
    return true;
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const kind of ['RSA', 'P-256', 'Ed25519'] as readonly ClientKind[]) {
    test(`a certificate with a key of ${kind} is shown over ${version}`, async () => {
      await using server = await serve({ maxVersion: version });
      const who = await issueClient(ca, kind, `${kind} client`);
      const { body } = await call(server.origin, who);
      assert.equal(body.toString(), `${kind} client none `);
    });
  }
}

test('a server that wants another group for its key exchange is met all the same (RFC 8446 §4.1.4)', async () => {
  await using server = await serve({ ecdhCurve: 'P-384' });
  assert.match((await call(server.origin, ada)).body.toString(), /^ada /);
});

test('slots stand beside a certificate, in headers and in the body', async () => {
  await using server = await serve();
  const injections: readonly Injection[] = [...MTLS, { in: 'header', name: 'authorization', value: 'Bearer {token}' }];
  const fields = { ...sealedFields(ada), token: 'sk_test_secret_value_0001' };
  const { body } = await call(server.origin, ada, {
    injections,
    fields,
    method: 'POST' as never,
    body: Buffer.from('hi'),
  });
  assert.equal(body.toString(), `ada Bearer ${'*'.repeat(25)} hi`);
});

const FORMATS: readonly (readonly [what: string, kind: ClientKind, format: object])[] = [
  ['PKCS #1', 'RSA', { format: 'pem', type: 'pkcs1' }],
  ['SEC 1', 'P-256', { format: 'pem', type: 'sec1' }],
  ['DER', 'P-256', { format: 'der', type: 'pkcs8' }],
];
for (const [what, kind, format] of FORMATS) {
  test(`a key in ${what} is taken`, async () => {
    await using server = await serve();
    const who = await issueClient(ca, kind);
    const fields = { certificate: who.certificate, private_key: who.key.export(format as never) as unknown as string };
    assert.match((await call(server.origin, who, { fields })).body.toString(), /^client /);
  });
}

/** Counts what a client sends, and passes it on or not. */
async function tapped(
  target: TestServer,
): Promise<{ readonly origin: string; readonly sent: () => Buffer; close(): void }> {
  const sent: Buffer[] = [];
  const sockets: Socket[] = [];
  const tap = createServer((socket) => {
    const onward = connect(target.port, '127.0.0.1');
    sockets.push(socket, onward);
    for (const one of [socket, onward]) one.on('error', () => undefined);
    socket.on('data', (octets: Buffer) => {
      sent.push(octets);
      onward.write(octets);
    });
    onward.pipe(socket);
    socket.on('close', () => onward.destroy());
  });
  tap.listen(0, '127.0.0.1');
  await once(tap, 'listening');
  return {
    origin: `https://localhost:${(tap.address() as AddressInfo).port}`,
    sent: () => Buffer.concat(sent),
    close: () => {
      tap.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Whether all that a client sent is one ClientHello. */
function isHelloAlone(sent: Buffer): boolean {
  return sent[0] === 22 && sent[5] === 1 && sent.length === 5 + sent.readUInt16BE(3);
}

const WRONG: readonly (readonly [what: string, server: () => Promise<Identity>, pins?: readonly string[]])[] = [
  [
    'of an authority that nobody trusts',
    async () => (await TestCa.create()).issue([{ type: 'dns', value: 'localhost' }]),
  ],
  ['for another name', () => ca.issue([{ type: 'dns', value: 'other.example' }])],
  ['that has ended', () => ca.issue([{ type: 'dns', value: 'localhost' }], { expired: true })],
  ['whose key is not pinned', async () => identity, ['A'.repeat(43)]],
];
for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const [what, make, pins] of WRONG) {
    test(`[dispatch.bound] over ${version} a server with a certificate ${what} gets nothing but a hello`, async () => {
      await using server = await serve({ ...(await make()), maxVersion: version });
      const tap = await tapped(server);
      try {
        await refused(call(tap.origin, ada, pins === undefined ? {} : { pins }), 'DOWNSTREAM_TLS_ERROR');
        await sleep(50);
        assert.ok(isHelloAlone(tap.sent()), `${tap.sent().length} octets were sent`);
      } finally {
        tap.close();
      }
    });
  }
}

test('[dispatch.bound] a server that asks for no certificate gets no request without one', async () => {
  const seen: Seen[] = [];
  await using server = await serve({ requestCert: false, rejectUnauthorized: false }, seen);
  await refused(call(server.origin, ada), 'DOWNSTREAM_AUTH_FAILURE', /asks for no client certificate/);
  assert.deepEqual(seen, []);
});

for (const [version, sigalgs, kind] of [
  ['TLSv1.2', 'ECDSA+SHA256', 'RSA'],
  ['TLSv1.3', 'ECDSA+SHA256', 'RSA'],
  ['TLSv1.2', 'ECDSA+SHA256', 'Ed25519'],
  ['TLSv1.3', 'ECDSA+SHA256', 'Ed25519'],
  // RFC 8446 §4.2.3: there it is for signatures in certificates alone.
  ['TLSv1.3', 'ECDSA+SHA256:RSA+SHA256', 'RSA'],
] as const) {
  test(`[dispatch.bound] over ${version} a server that takes signatures by ${sigalgs} gets no request of a client with ${kind}`, async () => {
    const seen: Seen[] = [];
    await using server = await serve({ maxVersion: version, sigalgs, rejectUnauthorized: false }, seen);
    const who = await issueClient(ca, kind);
    await refused(call(server.origin, who), 'DOWNSTREAM_AUTH_FAILURE', /no client certificate with a key of this kind/);
    assert.deepEqual(seen, []);
  });
}

test('a key of RSA signs by PKCS #1 where TLS 1.2 asks for that', async () => {
  await using server = await serve({ maxVersion: 'TLSv1.2', sigalgs: 'ECDSA+SHA256:RSA+SHA256' });
  const who = await issueClient(ca, 'RSA', 'rsa');
  assert.match((await call(server.origin, who)).body.toString(), /^rsa /);
});

const ALERTS = [
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
];
test('an alert about the certificate says that, and any other that the server did not prove who it is', () => {
  const codeOf = (code: string): string => asDownstream(Object.assign(new Error(), { code })).code;
  assert.deepEqual(new Set(ALERTS.map(codeOf)), new Set(['DOWNSTREAM_AUTH_FAILURE']));
  for (const code of ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'CERT_HAS_EXPIRED', 'ERR_SSL_WRONG_VERSION_NUMBER'])
    assert.equal(codeOf(code), 'DOWNSTREAM_TLS_ERROR');
});

test('a call without a certificate to a server that wants one says what is missing', async () => {
  await using server = await serve();
  const calling = callAndRead(upstreamFor(ca.pem), server.origin);
  await refused(calling, 'DOWNSTREAM_AUTH_FAILURE', /only clients with a certificate/);
});

const UNFIT: readonly (readonly [what: string, fields: () => Promise<object> | object, why: RegExp])[] = [
  [
    'a key of another certificate',
    async () => ({ private_key: (await issueClient(ca, 'P-256')).pem }),
    /not the one of its/,
  ],
  ['a key of another kind', async () => ({ private_key: (await issueClient(ca, 'RSA')).pem }), /not the one of its/],
  ['no key at all', () => ({ private_key: 'no key, but long enough' }), /no private key/],
  ['no certificate', () => ({ certificate: 'no certificate' }), /no client certificate/],
  ['a broken certificate', () => ({ certificate: ada.certificate.replace('MII', 'MIA') }), /cannot be read/],
];
for (const [what, fields, why] of UNFIT) {
  test(`${what} is refused before anything is sent`, async () => {
    await using server = await serve();
    const calling = call(server.origin, ada, { fields: { ...sealedFields(ada), ...(await fields()) } });
    await refused(calling, 'POLICY_DENIED', why);
    assert.equal(server.connections(), 0);
  });
}

const SPACED: readonly (readonly [what: string, key: (pem: string) => string])[] = [
  ['lines of spaces', (pem) => pem.replace('\n', `\n${' '.repeat(16)}\n`)],
  ['a thousand lines', (pem) => `${pem}${'\n'.repeat(1_000)}`],
  ['nine thousand octets', (pem) => pem.replace('\n', '\n'.repeat(9_000))],
];
for (const [what, key] of SPACED) {
  test(`[response.clean] a key that is padded with ${what} is refused before anything is sent`, async () => {
    await using server = await serve();
    const fields = { ...sealedFields(ada), private_key: key(ada.pem) };
    await refused(call(server.origin, ada, { fields }), 'POLICY_DENIED', /more than 8192 octets or 128 lines/);
    assert.equal(server.connections(), 0);
  });
}

test('[revoke.fast] a certificate is not shown for a call that was revoked while it waited', async () => {
  await using server = await serve();
  const beforeSend = (): void => {
    throw new DAuthError('CONNECTION_REVOKED');
  };
  await refused(call(server.origin, ada, { beforeSend }), 'CONNECTION_REVOKED');
  assert.equal(server.connections(), 0);
});

/** Calls of one connection, begun together. @returns the code of each that failed */
async function together(socketsPerPool: number, steps: readonly (() => void)[]): Promise<readonly (string | null)[]> {
  await using server = await serveHttps(
    identity,
    (_, response) => {
      // So that the next one needs a socket of its own.
      response.shouldKeepAlive = false;
      response.end('ok');
    },
    { requestCert: true, ca: [ca.pem] },
  );
  const upstream = upstreamFor(ca.pem, { isFreedOverwritten: () => true, limits: { socketsPerPool } });
  const one = async (beforeSend: () => void): Promise<string | null> => {
    try {
      await callAndRead(upstream, server.origin, { injections: MTLS, fields: sealedFields(ada), beforeSend });
      return null;
    } catch (error) {
      return (error as DAuthError).code;
    }
  };
  try {
    return await Promise.all(steps.map(one));
  } finally {
    await upstream.close();
  }
}

const stands = (): void => undefined;
/** After so many looks. */
const revokedAfter = (looks: number) => (): void => {
  if (looks-- <= 0) throw new DAuthError('CONNECTION_REVOKED');
};

test('[dispatch.bound] a call that is refused while it waits for a socket fails no other one of its connection', async () => {
  const revoked = 'CONNECTION_REVOKED';
  assert.deepEqual(await together(1, [stands, stands, revokedAfter(0)]), [null, null, revoked]);
  assert.deepEqual(await together(1, [stands, revokedAfter(0), stands]), [null, revoked, null]);
});

test('[dispatch.bound] a call that is refused while another one needs a socket ends by itself', async () => {
  assert.deepEqual(await together(2, [revokedAfter(1), stands]), ['CONNECTION_REVOKED', null]);
});

test('[memory.clean] no key is taken where the process leaves what it frees as it is', async () => {
  await using server = await serve();
  await refused(call(server.origin, ada, {}, upstreamFor(ca.pem)), 'POLICY_DENIED', /does not overwrite what is freed/);
  assert.equal(server.connections(), 0);
});

test('[dispatch.bound] connections at one origin never share a socket: each call is by the certificate that was sealed for it', async () => {
  const seen: Seen[] = [];
  await using server = await serve({}, seen);
  const bob = await issueClient(ca, 'P-256', 'bob');
  const upstream = certifying();
  try {
    for (const [who, last] of [
      [ada, 'a'],
      [bob, 'b'],
      [ada, 'a'],
      [bob, 'b'],
    ] as const) {
      const handle = HANDLE.replace(/.$/, last) as typeof HANDLE;
      const options = { injections: MTLS, fields: sealedFields(who), connection: { handle, ver: 1 } };
      await callAndRead(upstream, server.origin, options);
      await sleep(30);
    }
    // And none at all, beside both.
    const handle = HANDLE.replace(/.$/, 'c') as typeof HANDLE;
    await refused(callAndRead(upstream, server.origin, { connection: { handle, ver: 1 } }), 'DOWNSTREAM_AUTH_FAILURE');
  } finally {
    await upstream.close();
  }
  assert.deepEqual(
    seen.map(({ name }) => name),
    ['ada', 'bob', 'ada', 'bob'],
  );
  assert.equal(new Set(seen.map(({ name, socket }) => `${name} ${socket}`)).size, 2, 'one socket each');
});

test('[memory.clean] a socket under a certificate is closed after five seconds without a call', async () => {
  const closed: number[] = [];
  const started = performance.now();
  await using server = await serveHttps(
    identity,
    (request, response) => {
      request.socket.once('close', () => closed.push(performance.now() - started));
      response.end('ok');
    },
    { requestCert: true, ca: [ca.pem] },
  );
  const upstream = certifying();
  try {
    await callAndRead(upstream, server.origin, { injections: MTLS, fields: sealedFields(ada) });
    for (let waited = 0; closed.length === 0 && waited < 100; waited++) await sleep(100);
    assert.equal(closed.length, 1);
    // The configured time for others is ten seconds.
    assert.ok(closed[0]! < 9_000, `${closed[0]} ms`);
  } finally {
    await upstream.close();
  }
});

test('[response.clean] of a key behind the attributes of a bag its lines are starred out, and those are not', async () => {
  const bag = 'Bag Attributes\n    friendlyName: Ada of the works council\n';
  const pem = bag + ada.pem;
  await using server = await serveHttps(identity, (_, response) => response.end(JSON.stringify({ pem })), {
    requestCert: true,
    ca: [ca.pem],
  });
  const { body } = await call(server.origin, ada, { fields: { ...sealedFields(ada), private_key: pem } });
  const back = body.toString();
  for (const gone of ada.pem.split('\n').slice(1, -2)) assert.equal(back.includes(gone), false);
  assert.ok(back.includes('Ada of the works council'));
});

test('[response.clean] a key that an upstream gives back is starred out, as it was sealed and in its numbers', async () => {
  for (const kind of ['RSA', 'P-256', 'Ed25519'] as readonly ClientKind[]) {
    const who = await issueClient(ca, kind);
    const { d } = who.key.export({ format: 'jwk' });
    const number = Buffer.from(d!, 'base64url');
    await using server = await serveHttps(
      identity,
      (_, response) =>
        response.end(JSON.stringify({ pem: who.pem, d, hex: number.toString('hex'), text: who.pem.trim() })),
      { requestCert: true, ca: [ca.pem] },
    );
    const { body, outcome } = await call(server.origin, who);
    assert.ok(outcome.redactions >= 4, kind);
    const back = body.toString();
    for (const gone of [d!, number.toString('hex'), ...who.pem.split('\n').slice(1, -2)])
      assert.equal(back.includes(gone), false, kind);
  }
});
