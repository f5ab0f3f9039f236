/** What malformed requests get at the doors of authority and executor: a code, a sentence, a request id, and nothing of theirs. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const CANARY = 'canary7f3a';
/** Every name of an algorithm that is taken (RFC 9449 §7.1). */
const CHALLENGE = /^www-authenticate: DPoP algs="ES256 Ed25519 EdDSA"\r$/im;
const HANDLE = 'ddls:conn:01900000-0000-7000-8000-000000000000';

suite('bad input', { timeout: 120_000 }, () => {
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

  /** Sends octets as they are; the answer's status line, headers and body as text. */
  const raw = (base: string, head: string, body = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(base);
      const socket = connect(Number(port), hostname, () => socket.write(`${head}\r\n\r\n${body}`, 'latin1'));
      let text = '';
      socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer in time: ${text}`)));
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        const [, length] = /content-length: (\d+)/i.exec(text) ?? [];
        const end = text.indexOf('\r\n\r\n');
        if (end > 0 && length !== undefined && text.length >= end + 4 + Number(length)) socket.destroy();
      });
      socket.on('error', reject).on('close', () => resolve(text));
    });

  const EXECUTOR: readonly (readonly [what: string, head: string, status: number, code: string])[] = [
    ['no token', `GET /connections/${HANDLE}/user HTTP/1.1\r\nhost: x`, 401, 'UNAUTHENTICATED'],
    [
      'two Authorization headers',
      `GET /connections/${HANDLE}/user HTTP/1.1\r\nhost: x\r\nauthorization: DPoP ${CANARY}\r\nauthorization: DPoP b`,
      400,
      'INVALID_REQUEST',
    ],
    [
      'two DPoP headers',
      `GET /connections/${HANDLE}/user HTTP/1.1\r\nhost: x\r\nauthorization: DPoP a\r\ndpop: ${CANARY}\r\ndpop: b`,
      400,
      'INVALID_REQUEST',
    ],
    [
      'a bearer token',
      `GET /connections/${HANDLE}/user HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CANARY}`,
      401,
      'UNAUTHENTICATED',
    ],
    ['an absolute-form target', `GET http://${CANARY}.example/dispatch HTTP/1.1\r\nhost: x`, 400, 'INVALID_REQUEST'],
    ['CONNECT', `CONNECT ${CANARY}.example:443 HTTP/1.1\r\nhost: x`, 405, 'METHOD_NOT_ALLOWED'],
    ['TRACE', `TRACE /connections/${HANDLE}/user HTTP/1.1\r\nhost: x`, 405, 'METHOD_NOT_ALLOWED'],
    [
      'an upgrade',
      `GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: ${CANARY}`,
      400,
      'INVALID_REQUEST',
    ],
    ['HTTP/1.0', 'GET /livez HTTP/1.0\r\nhost: x', 400, 'INVALID_REQUEST'],
    ['a bare line feed in a header', `GET /livez HTTP/1.1\r\nhost: x\r\nx: a\n${CANARY}: b`, 400, 'INVALID_REQUEST'],
    [
      'two lengths',
      'POST /dispatch HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3',
      400,
      'INVALID_REQUEST',
    ],
    ['headers without end', `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(70_000)}`, 413, 'PAYLOAD_TOO_LARGE'],
    ['an unknown door', `GET /${CANARY} HTTP/1.1\r\nhost: x`, 404, 'NOT_FOUND'],
    ['a wrong method at a door', 'DELETE /dispatch HTTP/1.1\r\nhost: x', 405, 'METHOD_NOT_ALLOWED'],
  ];
  for (const [what, head, status, code] of EXECUTOR) {
    test(`the executor answers ${what} with ${status} ${code}`, async () => {
      const answer = await raw(stack.ready.executor, head);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, new RegExp(`"code":"${code}"`));
      assert.match(answer, /"request_id":"[0-9a-f-]{36}"/);
      assert.equal(CHALLENGE.test(answer), status === 401);
      assert.ok(!answer.includes(CANARY), 'nothing that was sent comes back');
    });
  }

  const form = 'content-type: application/x-www-form-urlencoded';
  const AUTHORITY: readonly (readonly [what: string, head: string, body: string, status: number, code: RegExp])[] = [
    [
      'no client',
      `POST /token HTTP/1.1\r\nhost: x\r\n${form}`,
      'grant_type=client_credentials',
      401,
      /"error":"invalid_client"/,
    ],
    [
      'a grant it does not know',
      `POST /token HTTP/1.1\r\nhost: x\r\n${form}`,
      `grant_type=${CANARY}`,
      400,
      /"error":"unsupported_grant_type","error_description":"This authority grants [\w, :-]+\."/,
    ],
    [
      'a parameter twice',
      `POST /token HTTP/1.1\r\nhost: x\r\n${form}`,
      `grant_type=a&grant_type=${CANARY}`,
      400,
      /"error":"invalid_request"/,
    ],
    [
      'JSON for a form',
      'POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json',
      '{}',
      400,
      /"error":"invalid_request"/,
    ],
    [
      'too much',
      `POST /token HTTP/1.1\r\nhost: x\r\n${form}`,
      `a=${'b'.repeat(2_000_000)}`,
      400,
      /larger than allowed/,
    ],
    ['no token', 'GET /connections HTTP/1.1\r\nhost: x', '', 401, /"code":"UNAUTHENTICATED"/],
    [
      'a bearer token',
      `GET /connections HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CANARY}`,
      '',
      401,
      /"code":"UNAUTHENTICATED"/,
    ],
    ['an unknown door', `GET /${CANARY} HTTP/1.1\r\nhost: x`, '', 404, /"code":"NOT_FOUND"/],
  ];
  for (const [what, head, body, status, code] of AUTHORITY) {
    test(`the authority answers ${what} with ${status}`, async () => {
      const length = body === '' ? '' : `\r\ncontent-length: ${body.length}`;
      const answer = await raw(stack.ready.authority, head + length, body);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, code);
      assert.match(answer, /"request_id":"[0-9a-f-]{36}"/);
      assert.equal(CHALLENGE.test(answer), answer.includes('"code":"UNAUTHENTICATED"'));
      assert.ok(!answer.includes(CANARY), 'nothing that was sent comes back');
    });
  }

  test('after all of it both rooms are ready', async () => {
    for (const base of [stack.ready.authority, stack.ready.executor])
      assert.equal((await fetch(`${base}/readyz`)).status, 200);
  });
});
