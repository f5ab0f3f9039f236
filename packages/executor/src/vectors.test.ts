import assert from 'node:assert/strict';
import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  DAuthError,
  decodeBase64url,
  parseAllow,
  parseDetails,
  parseEnvelope,
  parseInjections,
  parseMethod,
  type SuiteAlg,
} from '@dauth/protocol';
import { JwksCache, MemoryReplayStore } from '@dauth/verify';
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { authenticate, type AuthorizeDeps, type Permit } from './authorize.ts';
import { plaintextOf } from './calls.test-support.ts';
import { readFields } from './fields.ts';
import { inject } from './inject.ts';
import { openEnvelope, type OpeningKey } from './open.ts';
import { decideTarget } from './target.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), 'utf8'));
const isCode = (code: string) => (error: unknown) => error instanceof DAuthError && error.code === code;

// --- envelope.json: opening

type Key = JsonWebKey & { kid: string; alg: SuiteAlg; x: string; d: string };
const envelopes = read('envelope.json') as {
  accepted: {
    name: string;
    alg: SuiteAlg;
    recipient: Key;
    ephemeral: Key;
    plaintext: string;
    enc: string;
    ciphertext: string;
    envelope: string;
    fields: Record<string, string>;
  }[];
  refused: {
    open: { name: string; alg: SuiteAlg; envelope: string; code: string }[];
    layout: { name: string; envelope: string; plaintext: string; fields: string[]; code: string }[];
  };
};

const rawOf = ({ x, y }: { x: string; y?: string | undefined }): Buffer<ArrayBuffer> =>
  y === undefined
    ? Buffer.from(decodeBase64url(x))
    : Buffer.concat([Buffer.of(4), decodeBase64url(x), decodeBase64url(y)]);

function keyFor(alg: SuiteAlg): OpeningKey {
  const { recipient } = envelopes.accepted.find((vector) => vector.alg === alg)!;
  const privateKey = createPrivateKey({ key: recipient, format: 'jwk' });
  return { kid: recipient.kid, alg, privateKey, publicRaw: rawOf(recipient) };
}

for (const { name, alg, envelope, plaintext, fields } of envelopes.accepted) {
  test(`vector: an envelope of ${name} opens to its plaintext and fields`, () => {
    using opened = openEnvelope(parseEnvelope(envelope), keyFor(alg));
    opened.lend((bytes) => {
      assert.equal(bytes.toString('hex'), plaintext);
      const values = [...readFields(bytes, new Set(Object.keys(fields)))].map(([key, value]) => [
        key,
        value.toString('hex'),
      ]);
      assert.deepEqual(Object.fromEntries(values), fields);
    });
  });
}

for (const vector of envelopes.accepted.filter(({ alg }) => alg !== 'HPKE-4')) {
  test(`vector: another library seals the same octets of ${vector.name} from the same keys`, async () => {
    const { alg, recipient, ephemeral, plaintext, enc, ciphertext, envelope } = vector;
    const kem = alg === 'HPKE-3' ? new DhkemX25519HkdfSha256() : new DhkemP256HkdfSha256();
    const aead = alg === 'HPKE-7' ? new Aes256Gcm() : new Aes128Gcm();
    const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead });
    const ekm = {
      privateKey: await suite.kem.deserializePrivateKey(Buffer.from(decodeBase64url(ephemeral.d))),
      publicKey: await suite.kem.deserializePublicKey(rawOf(ephemeral)),
    };
    const recipientPublicKey = await suite.kem.deserializePublicKey(rawOf(recipient));
    const sender = await suite.createSenderContext({ recipientPublicKey, ekm });
    const aad = Buffer.from(envelope.split('.', 1)[0]!, 'ascii');
    const sealed = await sender.seal(Buffer.from(plaintext, 'hex'), aad);
    assert.equal(Buffer.from(sender.enc).toString('base64url'), enc);
    assert.equal(Buffer.from(sealed).toString('base64url'), ciphertext);
  });
}

for (const { name, alg, envelope, code } of envelopes.refused.open) {
  test(`[seal.bound] vector: an envelope of ${alg} with ${name} does not open`, () => {
    assert.throws(() => openEnvelope(parseEnvelope(envelope), keyFor(alg)), isCode(code));
  });
}

for (const { name, envelope, plaintext, fields, code } of envelopes.refused.layout) {
  test(`[seal.bound] vector: a plaintext with ${name} opens, and is refused`, () => {
    using opened = openEnvelope(parseEnvelope(envelope), keyFor('HPKE-3'));
    opened.lend((bytes) => {
      assert.equal(bytes.toString('hex'), plaintext);
      assert.throws(() => readFields(bytes, new Set(fields)), isCode(code));
    });
  });
}

// --- token.json: dispatch tokens with their proofs (step 2)

const { dispatch } = read('token.json') as {
  dispatch: {
    now: number;
    started_at: number;
    issuer: string;
    resource: string;
    node: string;
    method: string;
    path: string;
    jwks: object;
    accepted: { name: string; scheme: string; token: string; proof: string }[];
    refused: { name: string; scheme: string; token: string; proof: string; started_at?: number; code: string }[];
  };
};

interface Shown {
  readonly scheme: string;
  readonly token: string;
  readonly proof: string;
  /** Where the node started at another time than the rest. */
  readonly started_at?: number;
}

const { now, issuer, resource, node, method, path } = dispatch;
const deps = {
  ...{ issuer, resource, node, now: () => now },
  jwks: new JwksCache({
    url: `${issuer}/.well-known/jwks.json`,
    fetch: () => Promise.resolve(Response.json(dispatch.jwks)),
    now: () => 0,
  }),
  replay: new MemoryReplayStore({ now: () => now }),
} satisfies Partial<AuthorizeDeps>;
const show = ({ scheme, token, proof, started_at: startedAt = dispatch.started_at }: Shown) =>
  authenticate(
    { rawHeaders: ['Authorization', `${scheme} ${token}`, 'DPoP', proof], method, path },
    // Step 2 asks for nothing else; what step 3 asks for is not there.
    { ...deps, startedAt } as Partial<AuthorizeDeps> as AuthorizeDeps,
  );

for (const vector of dispatch.accepted) {
  test(`vector: a dispatch token with ${vector.name} is accepted`, async () => {
    assert.equal((await show(vector)).server, 'https://mcp.example/mcp');
  });
}

for (const vector of dispatch.refused) {
  test(`[token.bound] vector: a dispatch token with ${vector.name} is refused`, async () => {
    await assert.rejects(show(vector), isCode(vector.code));
  });
}

// --- dispatch.json: real requests (steps 4 and 7)

const { handle, calls } = read('dispatch.json') as {
  handle: string;
  calls: {
    allow: unknown;
    details: unknown;
    items: {
      name: string;
      inject: unknown;
      fields: Record<string, string>;
      request: { method: string; target: string; origin?: string; headers?: Record<string, string> };
      sent?: { origin: string; target: string; lines: string; headers: [string, string][] };
      code?: string;
    }[];
  };
};

function send({ inject: slots, fields, request }: (typeof calls.items)[number]): object {
  const injections = parseInjections(slots);
  const permit = {
    handle,
    caller: { claims: { details: parseDetails(calls.details) } },
    policy: { allow: parseAllow(calls.allow), inject: injections },
  } as object as Permit;
  const wish = {
    method: parseMethod(request.method),
    target: request.target,
    origin: request.origin,
    headers: Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const),
  };
  const { origin, target, headers } = decideTarget(wish, permit);
  using plaintext = plaintextOf(fields);
  const filled = inject(plaintext, injections, target);
  return {
    origin,
    target: filled.target.toString('latin1'),
    lines: filled.lines.toString('latin1'),
    headers: headers.map(([name, value]) => [name, value]),
  };
}

for (const item of calls.items) {
  if (item.sent !== undefined) {
    test(`vector: ${item.name} goes upstream as written`, () => {
      assert.deepEqual(send(item), item.sent);
    });
  } else {
    test(`[dispatch.bound] vector: ${item.name} is refused`, () => {
      assert.throws(() => send(item), isCode(item.code!));
    });
  }
}
