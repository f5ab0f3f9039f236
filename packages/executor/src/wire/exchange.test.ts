import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { ErrorCode } from '@dauth/protocol';
import { callAndRead, upstreamFor, type CallOptions, type ReadAnswer } from '../support/calls.test-support.ts';
import type { UpstreamLimits } from './upstream.ts';
import { serveHttps, serveRaw, TestCa, type Identity } from '../support/upstreams.test-support.ts';

const SECRET = 'sk_test_secret_value_0001';
const STARS = '*'.repeat(SECRET.length);

let ca: TestCa;
let identity: Identity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
});

interface Scene extends CallOptions {
  readonly limits?: Partial<UpstreamLimits>;
}

/** One call to an upstream that answers each request with these pieces, then stays silent or ends. */
async function answered(pieces: readonly (string | Buffer)[], scene: Scene = {}, end = false): Promise<ReadAnswer> {
  const { limits = {}, ...options } = scene;
  await using server = await serveRaw(identity, (socket) => {
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece as string, 'latin1');
      if (end) socket.end();
    });
  });
  const upstream = upstreamFor(ca.pem, { limits });
  try {
    return await callAndRead(upstream, server.origin, { fields: { token: SECRET }, ...options });
  } finally {
    await upstream.close();
  }
}

function fails(call: Promise<unknown>, code: ErrorCode, message = /./): Promise<void> {
  return assert.rejects(call, { name: 'DAuthError', code, message });
}

const HEAD = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`;

// --- an answer that goes wrong

const BROKEN: readonly { name: string; pieces: readonly (string | Buffer)[]; code: ErrorCode; scene?: Scene }[] = [
  { name: 'a bad chunk in the piece of its head', pieces: [`${CHUNKED}ZZ\r\nab\r\n`], code: 'DOWNSTREAM_UNREACHABLE' },
  {
    name: 'a bad chunk behind a good one in the piece of its head',
    pieces: [`${CHUNKED}2\r\nab\r\nZZ\r\n`],
    code: 'DOWNSTREAM_UNREACHABLE',
  },
  {
    name: 'too many octets in the piece of its head',
    pieces: [`${CHUNKED}64\r\n${'a'.repeat(100)}\r\n`],
    code: 'RESPONSE_TOO_LARGE',
    scene: { maxResponseBytes: 99 },
  },
  {
    name: 'more octets announced than allowed',
    pieces: [`${HEAD}content-length: 100\r\n\r\n`],
    code: 'RESPONSE_TOO_LARGE',
    scene: { maxResponseBytes: 99 },
  },
  {
    name: 'more octets than the configured bound, decoded',
    pieces: [Buffer.concat([Buffer.from(`${HEAD}content-encoding: gzip\r\n\r\n`), gzipSync('a'.repeat(1_000))])],
    code: 'RESPONSE_TOO_LARGE',
    scene: { limits: { responseBytes: 999 } },
  },
  {
    name: 'too many headers',
    pieces: [`${HEAD}${'a: b\r\n'.repeat(257)}\r\n`],
    code: 'RESPONSE_TOO_LARGE',
  },
  {
    name: 'interim answers without end',
    pieces: ['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(17)],
    code: 'RESPONSE_TOO_LARGE',
  },
  {
    name: 'a head larger than allowed',
    pieces: [`${HEAD}${`a: ${'b'.repeat(8_000)}\r\n`.repeat(5)}\r\n`],
    code: 'RESPONSE_TOO_LARGE',
  },
  {
    name: 'garbage in place of br',
    pieces: [`${HEAD}content-encoding: br\r\ncontent-length: 5\r\n\r\n\x11bcde`],
    code: 'RESPONSE_UNSCANNABLE',
  },
  {
    name: 'garbage in place of gzip',
    pieces: [`${HEAD}content-encoding: gzip\r\ncontent-length: 5\r\n\r\nabcde`],
    code: 'RESPONSE_UNSCANNABLE',
  },
  { name: 'a part of a body', pieces: ['HTTP/1.1 206 Partial Content\r\n\r\n'], code: 'RESPONSE_UNSCANNABLE' },
  {
    name: 'another protocol',
    pieces: ['HTTP/1.1 101 Up\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    code: 'RESPONSE_UNSCANNABLE',
  },
  ...['zstd', 'br, br', 'gzip, br', 'gzip, gzip', 'gzip,deflate', 'GZIP;q=1', 'unknown'].map((coding) => ({
    name: `the content encoding ${coding}`,
    pieces: [`${HEAD}content-encoding: ${coding}\r\ncontent-length: 1\r\n\r\nx`],
    code: 'RESPONSE_UNSCANNABLE' as const,
  })),
  ...['gzip, chunked', 'gzip', 'identity', 'chunked, chunked', 'deflate,chunked'].map((coding) => ({
    name: `the transfer encoding ${coding}`,
    pieces: [`${HEAD}transfer-encoding: ${coding}\r\n\r\n0\r\n\r\n`],
    code: 'RESPONSE_UNSCANNABLE' as const,
  })),
  {
    name: 'two transfer encodings',
    pieces: [`${HEAD}transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    code: 'RESPONSE_UNSCANNABLE',
  },
  { name: 'silence before its head', pieces: [], code: 'DOWNSTREAM_TIMEOUT', scene: { limits: { headersMs: 50 } } },
  {
    name: 'silence in its head',
    pieces: [HEAD],
    code: 'DOWNSTREAM_TIMEOUT',
    scene: { limits: { headersMs: 50 } },
  },
  {
    name: 'silence in its body',
    pieces: [`${CHUNKED}2\r\nab\r\n`],
    code: 'DOWNSTREAM_TIMEOUT',
    scene: { limits: { idleMs: 50 } },
  },
  {
    name: 'more time than the call has',
    pieces: [`${CHUNKED}2\r\nab\r\n`],
    code: 'DOWNSTREAM_TIMEOUT',
    scene: { timeoutMs: 80 },
  },
];

for (const { name, pieces, code, scene } of BROKEN) {
  test(`[response.clean] refuses an answer with ${name}, and lives on`, async () => {
    await fails(answered(pieces, scene), code);
  });
}

const CUT: readonly { name: string; pieces: readonly (string | Buffer)[]; code: ErrorCode }[] = [
  { name: 'before its length', pieces: [`${HEAD}content-length: 9\r\n\r\nabc`], code: 'DOWNSTREAM_UNREACHABLE' },
  { name: 'between chunks', pieces: [`${CHUNKED}2\r\nab\r\n`], code: 'DOWNSTREAM_UNREACHABLE' },
  { name: 'in its head', pieces: [`${HEAD}a: b`], code: 'DOWNSTREAM_UNREACHABLE' },
  {
    name: 'inside its encoding',
    pieces: [
      Buffer.concat([Buffer.from(`${HEAD}content-encoding: gzip\r\n\r\n`), gzipSync('a'.repeat(99)).subarray(0, -9)]),
    ],
    code: 'RESPONSE_UNSCANNABLE',
  },
];

for (const { name, pieces, code } of CUT) {
  test(`an answer cut off ${name} is never a clean end`, () => fails(answered(pieces, {}, true), code));
}

// --- an answer that holds the credential

for (const [name, coding, encode] of [
  ['gzip', 'gzip', gzipSync],
  ['x-gzip', 'x-gzip', gzipSync],
  ['deflate', 'deflate', deflateSync],
  ['raw deflate', 'deflate', deflateRawSync],
  ['br', 'br', brotliCompressSync],
] as const) {
  test(`[response.clean] a body in ${name} is decoded, scanned and passed on as identity`, async () => {
    const body = encode(Buffer.from(`<${SECRET}>`));
    const answer = await answered([
      Buffer.concat([
        Buffer.from(`${HEAD}content-encoding: ${coding}\r\ncontent-length: ${body.length}\r\n\r\n`),
        body,
      ]),
    ]);
    assert.equal(answer.body.toString(), `<${STARS}>`);
    assert.deepEqual(Object.keys(answer.headers), []);
    assert.equal(answer.outcome.redactions, 1);
  });
}

test('[response.clean] a value in one-octet chunks is found', async () => {
  const chunks = `<${SECRET}>`
    .split('')
    .map((octet) => `1\r\n${octet}\r\n`)
    .join('');
  const answer = await answered([`${CHUNKED}${chunks}0\r\n\r\n`]);
  assert.equal(answer.body.toString(), `<${STARS}>`);
});

test('[response.clean] a value across any border of large pieces is found', async () => {
  const about = 16_384;
  for (const before of [about - SECRET.length, about - 9, about - 1, about, 3 * about - 12]) {
    const [front, back] = ['a'.repeat(before), 'b'.repeat(2 * about)];
    const answer = await answered([
      `${HEAD}content-length: ${before + SECRET.length + back.length}\r\n\r\n`,
      front,
      SECRET + back,
    ]);
    assert.ok(answer.body.toString('latin1') === `${front}${STARS}${back}`, `behind ${before} octets`);
    assert.equal(answer.outcome.redactions, 1);
  }
});

test('how long an answer is gets told where it goes back as long as it came, and nowhere else', async () => {
  const zipped = gzipSync('a'.repeat(99));
  const answers: readonly (readonly [length: number | null, head: string, body?: string | Buffer, method?: string])[] =
    [
      [SECRET.length, `${HEAD}content-length: ${SECRET.length}\r\n\r\n`, SECRET],
      [0, `${HEAD}content-length: 0\r\n\r\n`],
      [null, CHUNKED, '1\r\na\r\n0\r\n\r\n'],
      [null, `${HEAD}content-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`, zipped],
      [null, 'HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n'],
      [null, 'HTTP/1.1 304 No\r\ncontent-length: 0\r\n\r\n'],
      [null, `${HEAD}content-length: 5\r\n\r\n`, '', 'HEAD'],
    ];
  for (const [length, head, body = '', method = 'GET'] of answers) {
    const answer = await answered([head, body], { method: method as never });
    assert.equal(answer.length, length, `${method} ${head}`);
    if (length !== null) assert.equal(answer.body.length, length);
  }
});

test('[response.clean] trailers are dropped, with what they hold', async () => {
  const answer = await answered([`${CHUNKED}2\r\nab\r\n0\r\nx-echo: ${SECRET}\r\n\r\n`]);
  assert.deepEqual([answer.body.toString(), answer.headers], ['ab', {}]);
});

test('[response.clean] what is for this hop, for a browser or in our own words ends in the executor', async () => {
  const dropped = [
    'set-cookie: a=b',
    'set-cookie2: a=b',
    'clear-site-data: "*"',
    'dpop-nonce: n',
    'dauth-error: x',
    'dauth-receipt: x',
    'DAuth-Upstream: 7',
    'connection: x-hop',
    'x-hop: y',
    'keep-alive: timeout=5',
    'proxy-authenticate: Basic',
    'content-encoding: identity',
    'trailer: x',
  ];
  const answer = await answered([
    `HTTP/1.1 401 No\r\n${dropped.join('\r\n')}\r\nWWW-Authenticate: Bearer realm="${SECRET}"\r\nx-kept: yes\r\ncontent-length: 0\r\n\r\n`,
  ]);
  assert.deepEqual(answer.headers, {
    'dauth-upstream-www-authenticate': `Bearer realm="${STARS}"`,
    'x-kept': 'yes',
  });
  assert.equal(answer.status, 401);
  assert.equal(answer.outcome.redactions, 1);
});

test('[response.clean] what the owner lets back is searched like the rest, and nothing else comes back with it', async () => {
  const sent = [
    `set-cookie: a=${SECRET}; Path=/`,
    'set-cookie: b=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT',
    `www-authenticate: Digest nonce="${Buffer.from(SECRET).toString('hex')}"`,
    'set-cookie2: c=3',
    'dauth-error: x',
    'dpop-nonce: n',
    'connection: x-hop',
    'x-hop: y',
    'proxy-authenticate: Basic',
  ];
  const releases = ['set-cookie', 'www-authenticate'];
  await using server = await serveRaw(identity, (socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 401 No\r\n${sent.join('\r\n')}\r\ncontent-length: 0\r\n\r\n`));
  });
  const upstream = upstreamFor(ca.pem);
  const seen: unknown[] = [];
  await callAndRead(
    {
      ...upstream,
      call: async (request) => upstream.call(request).then((answer) => (seen.push(...answer.headers), answer)),
    },
    server.origin,
    { fields: { token: SECRET }, releases },
  );
  await upstream.close();
  const hidden = '*'.repeat(2 * SECRET.length);
  assert.deepEqual(seen, [
    ['set-cookie', `a=${STARS}; Path=/`],
    ['set-cookie', 'b=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT'],
    ['dauth-upstream-www-authenticate', `Digest nonce="${hidden}"`],
    ['www-authenticate', `Digest nonce="${hidden}"`],
  ]);
});

test('[response.clean] a header that is let back ends here all the same where the upstream says it is for this hop', async () => {
  const answer = await answered([`${HEAD}connection: set-cookie\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n`], {
    releases: ['set-cookie'],
  });
  assert.deepEqual(answer.headers, {});
});

test('[dispatch.bound] a redirect is returned, not followed', async () => {
  let requests = 0;
  await using server = await serveHttps(identity, (_, response) => {
    requests++;
    response.writeHead(307, { location: `/next?${SECRET}` }).end();
  });
  const upstream = upstreamFor(ca.pem);
  const answer = await callAndRead(upstream, server.origin, { fields: { token: SECRET } });
  await upstream.close();
  assert.deepEqual([answer.status, answer.headers.location, requests], [307, `/next?${STARS}`, 1]);
});

test('[dispatch.bound] interim answers are dropped', async () => {
  const answer = await answered([
    `HTTP/1.1 103 Early Hints\r\nlink: ${SECRET}\r\n\r\n${HEAD}content-length: 2\r\n\r\nok`,
  ]);
  assert.deepEqual([answer.status, answer.body.toString(), answer.headers], [200, 'ok', {}]);
});

// --- a value that can be guessed, and one whose owner wants no answer that holds it

const GUESSABLE = { fields: { token: 'hunter42' } };
const REFUSED = { fields: { token: SECRET }, echoes: 'refused' } as const;

test('[response.clean] an answer that holds a credential is refused whole where its owner sealed that, wherever it holds it', async () => {
  for (const answer of [
    `${HEAD}content-length: ${3 + SECRET.length}\r\n\r\nok ${SECRET}`,
    `${HEAD}x-echo: ${SECRET}\r\ncontent-length: 2\r\n\r\nok`,
    `HTTP/1.1 200 ${SECRET}\r\ncontent-length: 2\r\n\r\nok`,
    `HTTP/1.1 103 Early Hints\r\nlink: ${SECRET}\r\n\r\n${HEAD}content-length: 2\r\n\r\nok`,
    `${CHUNKED}5\r\nfirst\r\n${SECRET.length.toString(16)}\r\n${SECRET}\r\n4\r\nlast\r\n0\r\n\r\n`,
  ]) {
    await fails(answered([answer], REFUSED), 'RESPONSE_UNSCANNABLE', /its owner sealed that such an answer is refused/);
  }
});

test('an answer without the credential is passed on where its owner refuses those with it, up to a bound', async () => {
  const within = await answered([`${HEAD}content-length: 2\r\n\r\nok`], REFUSED);
  assert.deepEqual([within.body.toString(), within.outcome.error], ['ok', null]);
  const large = answered([`${HEAD}content-length: 1048577\r\n\r\n${'a'.repeat(1_048_577)}`], REFUSED);
  await fails(large, 'RESPONSE_TOO_LARGE', /held until its end/);
});

test('[response.clean] an answer that holds a guessable value is refused whole, wherever it holds it', async () => {
  for (const answer of [
    `${HEAD}content-length: 17\r\n\r\nhunter41 hunter42`,
    `${HEAD}x-echo: hunter42\r\ncontent-length: 0\r\n\r\n`,
    `${CHUNKED}5\r\n_hunt\r\n4\r\ner42\r\n0\r\n\r\n`,
  ]) {
    await fails(answered([answer], GUESSABLE), 'RESPONSE_UNSCANNABLE', /too short to be starred out/);
  }
});

test('an answer without a guessable value is passed on, up to a bound', async () => {
  const within = await answered([`${HEAD}content-length: 8\r\n\r\nhunter41`], GUESSABLE);
  assert.deepEqual([within.body.toString(), within.outcome.error], ['hunter41', null]);
  const empty = await answered(['HTTP/1.1 204 No Content\r\n\r\n'], GUESSABLE);
  assert.equal(empty.status, 204);
  const large = answered([`${HEAD}content-length: 1048577\r\n\r\n${'a'.repeat(1_048_577)}`], GUESSABLE);
  await fails(large, 'RESPONSE_TOO_LARGE', /held until its end/);
});

test('a HEAD is not judged by the length of a body it does not have, and says it', async () => {
  const head = await answered([`${HEAD}content-length: 3000000000\r\n\r\n`], { method: 'HEAD' as never });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '3000000000', 0]);
});

test('interim answers are left out, up to a bound', async () => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(16);
  const answer = await answered([`${hints}${HEAD}content-length: 2\r\n\r\nok`]);
  assert.deepEqual([answer.status, answer.body.toString(), answer.headers.link], [200, 'ok', undefined]);
});

test('a Basic user name beside a password may be short without holding the answer back', async () => {
  const basic = [{ in: 'basic', user: '{user}', pass: '{pass}' }] as never;
  const fields = { user: 'jane.doe1', pass: SECRET };
  const answer = await answered([`${HEAD}content-length: 15\r\n\r\nhi jane.doe1 ok`], { injections: basic, fields });
  assert.equal(answer.body.toString(), 'hi ********* ok');
  const alone = [{ in: 'basic', user: '{user}', pass: '' }] as never;
  await fails(
    answered([`${HEAD}content-length: 9\r\n\r\njane.doe1`], { injections: alone, fields: { user: 'jane.doe1' } }),
    'RESPONSE_UNSCANNABLE',
  );
});
