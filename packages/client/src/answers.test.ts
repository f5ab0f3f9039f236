/** What an authority answers is bounded, and either what its type says or an error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError, LIMITS } from '@dauth/protocol';
import {
  pageOf,
  parseAuditPage,
  parseCaller,
  parseConnectionView,
  parseStoredConnection,
  parseTakenConnection,
} from './answers.ts';
import { parseInvitationView, parseUserView } from './registry-answers.ts';
import { createClient } from './client.ts';
import { boundAnswer, readAnswer, readOctets } from './http.ts';
import { generateKey } from './key.ts';

const ROW = {
  ...{ handle: 'ddls:conn:01890a5d-ac96-774b-bcce-b302099a8057', owner: 'ada', org: 'default', name: 'github' },
  ...{ status: 'active', ver: 1, kid: 'A'.repeat(43), servers: ['https://mcp.example/mcp'] },
  allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
  inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
  ...{ created_at: 1, updated_at: 2, last_used_at: null, expires_at: 3 },
};
const invalid = (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST';
const unknown = (error: unknown) => {
  assert.ok(error instanceof DAuthError);
  assert.equal(error.code, 'INTERNAL');
  assert.equal(error.publicMessage, 'The authority answered with something that this client does not know.');
  return true;
};
const tooLarge = (error: unknown) => {
  assert.ok(error instanceof DAuthError);
  assert.deepEqual([error.code, error.publicMessage], ['PAYLOAD_TOO_LARGE', 'The answer is larger than allowed.']);
  return true;
};

/** A body that never ends, and how much of it was taken. */
function endless(): { response: Response; pulled: () => number } {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 65_536;
      controller.enqueue(new Uint8Array(65_536).fill(0x20));
    },
  });
  return { response: new Response(body), pulled: () => pulled };
}

test('a connection that was taken says which of its servers nobody registered, and no other answer does', () => {
  assert.deepEqual(parseTakenConnection(ROW).unknown_servers, []);
  const unknown_servers = ['https://nobody.example/mcp'];
  assert.deepEqual(parseTakenConnection({ ...ROW, unknown_servers }), { ...ROW, unknown_servers });
  for (const wrong of ['https://nobody.example/mcp', ['x\u001b[2J'], [7]])
    assert.throws(() => parseTakenConnection({ ...ROW, unknown_servers: wrong }), invalid);
  assert.throws(() => parseConnectionView({ ...ROW, unknown_servers }), invalid);
});

test('a connection is what its type says, or refused', () => {
  assert.deepEqual(parseConnectionView(ROW), ROW);
  assert.deepEqual(parseConnectionView({ ...ROW, pin: { jkt: ['A'.repeat(43)] } }).pin, { jkt: ['A'.repeat(43)] });
  for (const over of [
    ...[{ handle: 'x' }, { owner: '' }, { name: 'a\u001b[2J' }, { owner: 'a\u009b2J' }, { ver: '1' }, { ver: 0 }],
    ...[{ status: 'fine' }, { allow: [] }, { servers: 'x' }, { created_at: -1 }, { pin: { jkt: [] } }, { secret: 'x' }],
  ])
    assert.throws(() => parseConnectionView({ ...ROW, ...over }), invalid, JSON.stringify(over));
  const { last_used_at: _, ...without } = ROW;
  for (const value of [without, null, [], 'x', undefined]) assert.throws(() => parseConnectionView(value), invalid);
});

test('a person and an invitation are what their types say, or refused', () => {
  const user = { sub: 's', org: 'default', login: 'ada', name: 'Ada', email: null, role: 'member' };
  assert.deepEqual(parseUserView({ ...user, created_at: 1 }), { ...user, created_at: 1 });
  const invitation = { ...user, name: null, code: 'abcd', url: 'https://auth.example/first-run', expires_at: 1 };
  assert.deepEqual(parseInvitationView(invitation), invitation);
  for (const over of [{ sub: '' }, { login: 'a\u001b[2J' }, { email: 7 }, { role: 'r'.repeat(33) }, { password: 'x' }])
    assert.throws(() => parseUserView({ ...user, created_at: 1, ...over }), invalid, JSON.stringify(over));
  for (const over of [{ code: '' }, { url: 'javascript:alert(1)' }, { expires_at: '1' }])
    assert.throws(() => parseInvitationView({ ...invitation, ...over }), invalid, JSON.stringify(over));
});

test('a stored connection has its envelope and proof, and endorsements where there are any', () => {
  const stored = { ...ROW, envelope: 'e', seal_proof: 'p' };
  assert.deepEqual(parseStoredConnection(stored), { ...stored, endorsements: [] });
  assert.deepEqual(parseStoredConnection({ ...stored, endorsements: ['x'] }).endorsements, ['x']);
  for (const value of [ROW, { ...stored, envelope: 7 }, { ...stored, endorsements: 'x' }])
    assert.throws(() => parseStoredConnection(value), invalid);
});

test('pages and callers are parsed', () => {
  const page = pageOf(parseConnectionView);
  assert.deepEqual(page({ items: [ROW], next: null }).items, [ROW]);
  for (const value of [{ items: [ROW] }, { items: [{}], next: null }, { items: [], next: 1 }])
    assert.throws(() => page(value), invalid);
  const caller = { sub: 'ada', org: 'o', clientId: 'c', scope: ['a'], isAdmin: false };
  assert.deepEqual(parseCaller(caller), caller);
  assert.throws(() => parseCaller({ ...caller, isAdmin: 'yes' }), invalid);
});

test('a page of the journal goes on, and no record is more than one line', () => {
  assert.deepEqual(parseAuditPage({ records: ['{}'], next: 8 }, 7), { records: ['{}'], next: 8 });
  assert.deepEqual(parseAuditPage({ records: [], next: 7 }, 7), { records: [], next: 7 });
  for (const page of [
    ...[
      { records: ['{}'], next: 7 },
      { records: [], next: 6 },
      { records: ['{}\n{}'], next: 8 },
    ],
    ...[
      { records: ['\u001b]0;x\u0007'], next: 8 },
      { records: [7], next: 8 },
    ],
  ])
    assert.throws(() => parseAuditPage(page, 7), invalid, JSON.stringify(page));
});

test('an answer that never ends is given up at its bound, whoever reads it', async () => {
  for (const read of [
    (response: Response) => readOctets(response, LIMITS.jsonBody),
    (response: Response) => readAnswer(response, () => undefined),
    (response: Response) => boundAnswer(response),
  ]) {
    const { response, pulled } = endless();
    await assert.rejects(read(response), tooLarge);
    assert.ok(pulled() <= LIMITS.jsonBody + 4 * 65_536, 'and no more than the bound was taken');
  }
});

test('an answer with another shape is the fault of the answer, not of who asked', async () => {
  await assert.rejects(readAnswer(Response.json({ ...ROW, ver: 'x' }), parseConnectionView), unknown);
  await assert.rejects(
    readAnswer(new Response('{"a":1,"a":2}'), (body) => body),
    unknown,
  );
  await assert.rejects(
    readAnswer(new Response(new Uint8Array([0xff])), (body) => body),
    unknown,
  );
});

test('the metadata and the token of an authority are read within the bound', async () => {
  const { response } = endless();
  const headers = { 'content-type': 'application/json' };
  const client = createClient({
    ...{ issuer: 'https://auth.example', clientId: 'c', key: await generateKey() },
    fetch: async () => new Response(response.body, { headers }),
  });
  await assert.rejects(
    client.whoami(),
    (error: unknown) => error instanceof DAuthError && error.code === 'ENCLAVE_UNAVAILABLE' && tooLarge(error.cause),
  );
});
