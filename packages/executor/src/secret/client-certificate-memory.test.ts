/**
 * What stays of the key of a client certificate once its last socket has closed: its numbers, as they stand in it and as OpenSSL
 * computes with them, its PEM, and the keys that would open its envelope again.
 */
import { createHash, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Injection } from '@dauth/protocol';
import { issueClient, type ClientIdentity, type ClientKind } from '../support/client-certificates.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import type { Material } from '../support/memory-sealed.test-support.ts';
import { TestCa } from '../support/upstreams.test-support.ts';

const MTLS: Injection = { scheme: 'mtls', certificate: '{certificate}', private_key: '{token}' };
const HEADER: Injection = { in: 'header', name: 'authorization', value: 'Bearer {second}' };
/** Milliseconds within which a socket that nobody uses has to be closed, and what a machine under load may take besides. */
const MOST_IDLE = 20_000;

const open = new Set<Socket>();
let calls = 0;
/** Every third call is the last one of its socket, so that the key is read anew a hundred times. */
function watch({ socket }: IncomingMessage, response: ServerResponse): boolean {
  response.shouldKeepAlive = calls++ % 3 > 0;
  if (!open.has(socket)) socket.once('close', () => open.delete(socket));
  open.add(socket);
  return false;
}

let ca: TestCa;
let proof: MemoryProof;
before(async () => {
  ca = await TestCa.create();
  const tls = { requestCert: true, rejectUnauthorized: true, ca: [ca.pem] };
  proof = await MemoryProof.open(watch, { tls });
});
after(() => proof[Symbol.asyncDispose]());

async function closed(): Promise<void> {
  for (let waited = 0; open.size > 0; waited += 100) {
    if (waited > MOST_IDLE) throw new Error(`${open.size} sockets are open still`);
    await sleep(100);
  }
}

/** As OpenSSL has it first: that is what has to be found while a socket is open. */
function numbersOf(key: KeyObject): Readonly<Record<string, Buffer>> {
  const jwk = key.export({ format: 'jwk' });
  const parts: Record<string, Buffer> = {};
  if (key.asymmetricKeyType === 'ed25519') {
    const seed = Buffer.from(jwk.d!, 'base64url');
    // RFC 8032 §5.1.5: what is signed with is made of it.
    return { 'private d': seed, 'expanded d': createHash('sha512').update(seed).digest() };
  }
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
    if (jwk[name] === undefined) continue;
    const number = Buffer.from(jwk[name], 'base64url');
    parts[`private ${name}, words`] = Buffer.from(number.toReversed());
    parts[`private ${name}`] = number;
  }
  return parts;
}

/** Which text of a key in PKCS #8 is secret: behind what is public, or says which kind it is. */
const SECRET_TEXT: Readonly<Record<ClientKind, readonly [start: number, end: number]>> = {
  RSA: [460, -30],
  'P-256': [76, 119],
  Ed25519: [50, 92],
};

function materialOf({ certificate, key, pem }: ClientIdentity, kind: ClientKind, format: 'pem' | 'der'): Material {
  const text = Buffer.from(pem);
  const value = format === 'pem' ? text : Buffer.from(key.export({ format, type: 'pkcs8' }));
  const parts = { ...numbersOf(key), 'key in PEM': text.subarray(...SECRET_TEXT[kind]) };
  return { value, parts, beside: { certificate: Buffer.from(certificate) } };
}

const CALLS = ['/', '/?echo=body&split', '/?echo=head'].map((target) => ({ target }));
const CASES: readonly (readonly [kind: ClientKind, format: 'pem' | 'der', inject: readonly Injection[]])[] = [
  ['RSA', 'pem', [MTLS]],
  ['P-256', 'pem', [MTLS]],
  ['P-256', 'der', [MTLS, HEADER]],
  ['Ed25519', 'pem', [MTLS]],
];
for (const [kind, format, inject] of CASES) {
  test(`[memory.clean] leaves no copy of a client's key of ${kind} in ${format} once its last socket has closed${inject.length > 1 ? ', nor of what a header had beside it' : ''}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const identities = [await issueClient(ca, kind), await issueClient(ca, kind)];
    const material = (): Material => materialOf(identities.pop()!, kind, format);
    await proof.assertClean(t, inject, CALLS, { material, closed });
  });
}

test('[memory.clean] the look finds what lies in the process', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertFinds();
});
