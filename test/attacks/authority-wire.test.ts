/**
 * Requests that two readers could read differently, octet by octet at the authority's socket: one meaning or a refusal with
 * a code, a sentence and a request id, and nothing of what was sent.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const CANARY = 'canary7f3a';
const MALFORMED = 'The request is not well-formed.';
const METHOD = 'This address does not take that method.';
const NO_TOKEN = 'The request has no Authorization header.';
const HOST = '\r\nhost: x';

type Case = readonly [what: string, head: string, status: number, code: string, said: string];

/** Everything behind the first line is one header block without its end. */
const CASES: readonly Case[] = [
  [
    'two Authorization headers',
    `GET /connections HTTP/1.1${HOST}\r\nauthorization: DPoP ${CANARY}\r\nauthorization: DPoP b\r\ndpop: c`,
    401,
    'UNAUTHENTICATED',
    'The request has more than one Authorization header.',
  ],
  [
    'two DPoP headers',
    `GET /connections HTTP/1.1${HOST}\r\nauthorization: DPoP a\r\ndpop: ${CANARY}\r\ndpop: c`,
    401,
    'UNAUTHENTICATED',
    'The request has more than one DPoP header.',
  ],
  [
    'two executor proofs',
    `GET /executor/status HTTP/1.1${HOST}\r\ndauth-executor-proof: ${CANARY}\r\ndauth-executor-proof: b`,
    401,
    'UNAUTHENTICATED',
    'The executor proof is not well-formed. A token or proof is not a compact JWS.',
  ],
  ['two Host headers', `GET /livez HTTP/1.1${HOST}\r\nhost: ${CANARY}.example`, 400, 'INVALID_REQUEST', MALFORMED],
  ['no Host header', 'GET /livez HTTP/1.1', 400, 'INVALID_REQUEST', MALFORMED],
  ['a Host that is none', `GET /livez HTTP/1.1\r\nhost: ${CANARY} b/c`, 400, 'INVALID_REQUEST', MALFORMED],
  ['a Host with userinfo', `GET /livez HTTP/1.1\r\nhost: u:p@${CANARY}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['CONNECT', `CONNECT ${CANARY}.example:443 HTTP/1.1${HOST}`, 405, 'METHOD_NOT_ALLOWED', METHOD],
  ['TRACE', `TRACE /connections HTTP/1.1${HOST}\r\nx: ${CANARY}`, 405, 'METHOD_NOT_ALLOWED', METHOD],
  ['a method in lowercase', `get /livez HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['an absolute target', `GET http://${CANARY}.example/livez HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['an asterisk', `OPTIONS * HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['a second host in the path', `GET //${CANARY}.example/livez HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['an empty first segment', `GET //connections HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['a dot segment', `GET /./connections HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['dot segments', `GET /${CANARY}/../connections HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['encoded dot segments', `GET /a/.%2E/connections HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['backslashes', `GET /a\\..\\connections HTTP/1.1${HOST}`, 400, 'INVALID_REQUEST', MALFORMED],
  [
    'encoded line breaks',
    `GET /connections%0d%0ax:${CANARY} HTTP/1.1${HOST}`,
    404,
    'NOT_FOUND',
    'There is nothing here.',
  ],
  ['a bare line feed', `GET /livez HTTP/1.1${HOST}\r\nx: a\n${CANARY}: b`, 400, 'INVALID_REQUEST', MALFORMED],
  ['a bare carriage return', `GET /livez HTTP/1.1${HOST}\r\nx: a\r${CANARY}: b`, 400, 'INVALID_REQUEST', MALFORMED],
  ['a folded header', `GET /livez HTTP/1.1${HOST}\r\nx: a\r\n ${CANARY}`, 400, 'INVALID_REQUEST', MALFORMED],
  ['a zero octet', `GET /livez HTTP/1.1${HOST}\r\nx: ${CANARY}\0`, 400, 'INVALID_REQUEST', MALFORMED],
  [
    'two lengths',
    `POST /token HTTP/1.1${HOST}\r\ncontent-length: 2\r\ncontent-length: 3`,
    400,
    'INVALID_REQUEST',
    MALFORMED,
  ],
  [
    'a length and chunks',
    `POST /token HTTP/1.1${HOST}\r\ncontent-length: 2\r\ntransfer-encoding: chunked`,
    400,
    'INVALID_REQUEST',
    MALFORMED,
  ],
  [
    'another expectation',
    `POST /token HTTP/1.1${HOST}\r\nexpect: ${CANARY}\r\ncontent-length: 0`,
    400,
    'INVALID_REQUEST',
    MALFORMED,
  ],
  [
    'a header of 20 KB',
    `GET /livez HTTP/1.1${HOST}\r\nx: ${CANARY.repeat(2_048)}`,
    413,
    'PAYLOAD_TOO_LARGE',
    'The request is larger than allowed.',
  ],
  [
    'a target of 20 KB',
    `GET /${CANARY.repeat(2_048)} HTTP/1.1${HOST}`,
    413,
    'PAYLOAD_TOO_LARGE',
    'The request is larger than allowed.',
  ],
  ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM', 400, 'INVALID_REQUEST', MALFORMED],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01', 400, 'INVALID_REQUEST', MALFORMED],
  // What looks odd and has one meaning still is answered by the room behind.
  ['a query like a path', `GET /connections?x=/../y HTTP/1.1${HOST}`, 401, 'UNAUTHENTICATED', NO_TOKEN],
  ['no token', `GET /connections HTTP/1.1${HOST}`, 401, 'UNAUTHENTICATED', NO_TOKEN],
];

suite('the wire of the authority', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
  });
  after(async () => {
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Sends octets as they are; the answer as text, once its declared length is there. */
  const raw = (octets: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(stack.ready.authority);
      const socket = connect(Number(port), hostname, () => socket.write(octets, 'latin1'));
      let text = '';
      socket.setTimeout(60_000, () => socket.destroy(new Error(`no answer in time: ${text}`)));
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        const [, length] = /content-length: (\d+)/i.exec(text) ?? [];
        const end = text.indexOf('\r\n\r\n');
        if (end > 0 && length !== undefined && text.length >= end + 4 + Number(length)) socket.destroy();
      });
      socket.on('error', reject).on('close', () => resolve(text));
    });

  test('tunnels that are asked for and reset do not end the authority', async () => {
    const { hostname, port } = new URL(stack.ready.authority);
    for (let i = 0; i < 50; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(`CONNECT a.example:443 HTTP/1.1\r\nhost: a.example\r\n\r\n`, () => socket.resetAndDestroy());
        });
        socket.on('error', () => undefined).on('close', () => resolve());
      });
    }
    await assert.doesNotReject(fetch(`${stack.ready.authority}/livez`), 'the authority is still there');
  });

  const assertAnswer = (answer: string, status: number, code: string, said: string): void => {
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.ok(!answer.includes(CANARY), 'nothing that was sent comes back');
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Record<string, unknown>;
    assert.deepEqual([body.status, body.code, body.detail], [status, code, said]);
    assert.match(String(body.request_id), /^[0-9a-f-]{36}$/);
    assert.match(answer, new RegExp(`\r\ndauth-request-id: ${String(body.request_id)}\r\n`, 'i'));
    assert.match(answer, /\r\nx-content-type-options: nosniff\r\n/i);
  };

  for (const [what, head, status, code, said] of CASES) {
    test(`the authority answers ${what} with ${status} ${code}`, async () => {
      assertAnswer(await raw(`${head}\r\n\r\n`), status, code, said);
    });
  }

  const form = (body: string): Promise<string> =>
    raw(
      `POST /token HTTP/1.1${HOST}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );

  test('a form with __proto__ sets nothing, and given twice it is refused like any parameter', async () => {
    const said = async (body: string) => {
      const answer = await form(body);
      const { error, error_description } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Record<
        string,
        unknown
      >;
      return [error, error_description];
    };
    assert.deepEqual(await said('__proto__=client_credentials&__proto__.grant_type=x'), [
      'invalid_request',
      'The token request needs the parameter "grant_type".',
    ]);
    assert.deepEqual(await said('__proto__=a&__proto__=b'), [
      'invalid_request',
      'A parameter of the token request is given twice.',
    ]);
  });

  test('after all of it the authority is ready', async () => {
    assert.equal((await fetch(`${stack.ready.authority}/readyz`)).status, 200);
  });
});
