/** Assertions by sealed private keys: verified by somebody else's code, and by no key or algorithm but the one that is sealed. */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { DAuthError, parseInjections, tokenSchemeOf } from '@dauth/protocol';
import { plaintextOf } from '../support/calls.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { signAndFill } from '../support/token-request.test-support.ts';
import { THREE_PRIMES } from '../support/three-primes.test-support.ts';
import { derOf } from './key-der.ts';

const NOW = 1_795_000_000;
const ENDPOINT = 'https://oauth2.example/token';
const SCHEME = { scheme: 'jwt_bearer', endpoint: ENDPOINT, private_key: '{key}', iss: 'robot@project.example' };
const pkcs8 = (key: KeyObject, format: 'pem' | 'der'): Buffer =>
  Buffer.from(key.export({ format: format as 'der', type: 'pkcs8' }));

const PAIRS = {
  RS256: makePair('RSA-2048'),
  ES256: makePair('P-256'),
  Ed25519: makePair('Ed25519'),
  EdDSA: makePair('Ed25519'),
};
type Alg = keyof typeof PAIRS;

function ask(members: object, fields: Record<string, string | Uint8Array>): URLSearchParams {
  const injections = parseInjections([{ ...SCHEME, ...members }]);
  using plaintext = plaintextOf(fields);
  const { body, lines } = signAndFill(plaintext, injections, tokenSchemeOf(injections)!, NOW);
  assert.equal(lines.toString().includes('authorization'), false);
  return new URLSearchParams(body!.toString('latin1'));
}

function verify(form: URLSearchParams, alg: Alg) {
  return jwtVerify(form.get('assertion')!, PAIRS[alg].publicKey, {
    algorithms: [alg],
    currentDate: new Date(NOW * 1_000),
  });
}

for (const alg of Object.keys(PAIRS) as Alg[]) {
  for (const format of ['pem', 'der'] as const) {
    test(`an assertion by ${alg} of a key in ${format} is one to jose`, async () => {
      const members = { alg, kid: 'k-1', sub: '{sub}', aud: 'https://aud.example', scope: 'a b', lifetime: 3_600 };
      const form = ask(members, { key: pkcs8(PAIRS[alg].privateKey, format), sub: 'a "user" \\ of ours' });
      assert.deepEqual([...form.keys()], ['grant_type', 'assertion']);
      assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
      const { payload, protectedHeader } = await verify(form, alg);
      assert.deepEqual(protectedHeader, { alg, typ: 'JWT', kid: 'k-1' });
      const { jti, ...claims } = payload;
      assert.match(jti!, /^[0-9a-f]{32}$/);
      assert.deepEqual(claims, {
        iat: NOW,
        exp: NOW + 3_600,
        iss: 'robot@project.example',
        sub: 'a "user" \\ of ours',
        aud: 'https://aud.example',
        scope: 'a b',
      });
    });
  }
}

/** By name: the algorithm, and a key in the form that other tools write. */
const OTHER_FORMS: Readonly<Record<string, readonly [alg: Alg, type: 'pkcs1' | 'sec1']>> = {
  'PKCS #1, as GitHub gives out keys': ['RS256', 'pkcs1'],
  'SEC 1': ['ES256', 'sec1'],
};
for (const [form, [alg, type]] of Object.entries(OTHER_FORMS)) {
  test(`a key in ${form}, signs as well`, async () => {
    const text = PAIRS[alg].privateKey.export({ format: 'pem', type: type as 'pkcs1' }) as string;
    for (const key of [text, text.trimEnd().replaceAll('\n', '\r\n')]) {
      const { payload } = await verify(ask({ alg }, { key }), alg);
      assert.equal(payload.iss, 'robot@project.example');
    }
  });
}

const BAG =
  'Bag Attributes\n    friendlyName: Ada - work\n    localKeyID: 54 69 6D \nKey Attributes: <No Attributes>\n';
const PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
/** By name: the algorithm, the form, and what stands before it. */
const AHEAD: Readonly<Record<string, readonly [alg: Alg, type: 'pkcs8' | 'sec1', ahead: string]>> = {
  'the parameters of its curve, as openssl ecparam writes them': ['ES256', 'sec1', PARAMETERS],
  'the attributes of a bag, as openssl pkcs12 writes them': ['RS256', 'pkcs8', BAG],
  'the attributes of a bag, and of Ed25519': ['Ed25519', 'pkcs8', BAG],
};
for (const [what, [alg, type, ahead]] of Object.entries(AHEAD)) {
  test(`a key behind ${what}, signs as well`, async () => {
    const text = PAIRS[alg].privateKey.export({ format: 'pem', type: type as 'pkcs8' }) as string;
    for (const key of [ahead + text, `${ahead}\n${text}\n`.replaceAll('\n', '\r\n')])
      await verify(ask({ alg }, { key }), alg);
  });
}

test('by default an assertion is for its endpoint, five minutes long, and says nothing else', async () => {
  const key = pkcs8(PAIRS.ES256.privateKey, 'pem');
  const { payload, protectedHeader } = await verify(ask({ alg: 'ES256' }, { key }), 'ES256');
  const { jti, ...claims } = payload;
  assert.deepEqual(protectedHeader, { alg: 'ES256', typ: 'JWT' });
  assert.deepEqual(claims, { iat: NOW, exp: NOW + 300, iss: 'robot@project.example', aud: ENDPOINT });
  const again = await verify(ask({ alg: 'ES256' }, { key }), 'ES256');
  assert.notEqual(again.payload.jti, jti, 'each is another one');
});

test('a scope may stand beside the assertion', async () => {
  const members = { alg: 'ES256', scope: 'a b', scope_in: 'parameter' };
  const form = ask(members, { key: pkcs8(PAIRS.ES256.privateKey, 'der') });
  assert.equal(form.get('scope'), 'a b');
  assert.equal((await verify(form, 'ES256')).payload.scope, undefined);
});

test('a key in PEM is read with any line ends, and with space around its lines', async () => {
  const pem = pkcs8(PAIRS.RS256.privateKey, 'pem').toString();
  for (const key of [
    pem.trimEnd(),
    pem.replaceAll('\n', '\r\n'),
    pem.replaceAll('\n', ' \n '),
    pem.replaceAll('\n', ''),
  ])
    await verify(ask({ alg: 'RS256' }, { key }), 'RS256');
});

/** Octets of each number of a key of 2048 bits. */
const USUAL = { n: 256, e: 3, d: 256, p: 128, q: 128, dp: 128, dq: 128, qi: 128 };

/** A key that is one by its form only: whatever its numbers are, OpenSSL computes with them, for as long as that takes. */
function rsaOf(octets: typeof USUAL): Buffer {
  const item = (tag: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]), content]);
  const numbers = [0, ...Object.values(octets)].map((length) =>
    item(0x02, Buffer.alloc(Math.max(length, 1), length && 0x7f)),
  );
  const kind = Buffer.from('020100300d06092a864886f70d0101010500', 'hex');
  return item(0x30, Buffer.concat([kind, item(0x04, item(0x30, Buffer.concat(numbers)))]));
}

test('the form of these keys is the one of a key that signs, but for its numbers', () => {
  const key = rsaOf(USUAL);
  assert.deepEqual([key[0], key.subarray(4, 22).toString('hex')], [0x30, rsa.subarray(4, 22).toString('hex')]);
});

const rsa = pkcs8(PAIRS.RS256.privateKey, 'der');
const pem = pkcs8(PAIRS.RS256.privateKey, 'pem').toString();
const pkcs1 = PAIRS.RS256.privateKey.export({ format: 'pem', type: 'pkcs1' }) as string;
function armour(kind: string, der: Buffer): string {
  return `-----BEGIN ${kind} PRIVATE KEY-----\n${der.toString('base64')}\n-----END ${kind} PRIVATE KEY-----\n`;
}
/** A number of 32 octets with the parameters of secp256k1. */
function otherCurve(): Buffer {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'secp256k1',
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'sec1' },
  });
  return privateKey;
}
/** The same in PKCS #8, which says outside that it is of P-256. */
function otherCurveInside(): Buffer {
  const sec1 = otherCurve();
  const head = (tag: number, length: number): Buffer =>
    length < 0x80 ? Buffer.of(tag, length) : Buffer.of(tag, 0x81, length);
  const kind = Buffer.from('020100301306072a8648ce3d020106082a8648ce3d030107', 'hex');
  const inside = Buffer.concat([kind, head(0x04, sec1.length), sec1]);
  return Buffer.concat([head(0x30, inside.length), inside]);
}
const WRONG: readonly (readonly [name: string, alg: Alg, key: string | Buffer])[] = [
  ['of RSA for ES256', 'ES256', rsa],
  ['of P-256 for RS256', 'RS256', pkcs8(PAIRS.ES256.privateKey, 'pem')],
  ['of Ed25519 for ES256', 'ES256', pkcs8(makePair('Ed25519').privateKey, 'pem')],
  ['of P-256 for Ed25519', 'Ed25519', pkcs8(PAIRS.ES256.privateKey, 'der')],
  ['of X25519', 'Ed25519', pkcs8(makePair('X25519').privateKey, 'der')],
  ['of Ed25519 that is cut off', 'EdDSA', pkcs8(PAIRS.EdDSA.privateKey, 'der').subarray(0, -1)],
  ['of Ed25519 with an octet more', 'EdDSA', Buffer.concat([pkcs8(PAIRS.EdDSA.privateKey, 'der'), Buffer.alloc(1)])],
  ['of another curve within a key of P-256', 'ES256', otherCurveInside()],
  ['of P-384', 'ES256', pkcs8(makePair('P-384').privateKey, 'der')],
  ['of RSA with 1024 bits', 'RS256', pkcs8(makePair('RSA-1024').privateKey, 'der')],
  ['of RSA with more than 4096 bits', 'RS256', Buffer.concat([rsa, Buffer.alloc(1_200)])],
  ['of RSA with one long prime', 'RS256', rsaOf({ n: 256, e: 3, d: 256, p: 512, q: 1, dp: 512, dq: 1, qi: 1 })],
  ['of RSA with a long public exponent', 'RS256', rsaOf({ ...USUAL, e: 256 })],
  ['of RSA with a private exponent longer than the modulus', 'RS256', rsaOf({ ...USUAL, d: 900 })],
  ['of RSA with 4608 bits', 'RS256', rsaOf({ ...USUAL, n: 576, d: 576 })],
  ['of RSA without primes', 'RS256', rsaOf({ ...USUAL, p: 0, q: 0, dp: 0, dq: 0, qi: 0 })],
  ['of RSA-PSS', 'RS256', pkcs8(makePair('RSA-PSS').privateKey, 'der')],
  ['in PKCS #1 without PEM', 'RS256', PAIRS.RS256.privateKey.export({ format: 'der', type: 'pkcs1' })],
  ['in PKCS #1 for ES256', 'ES256', armour('RSA', PAIRS.RS256.privateKey.export({ format: 'der', type: 'pkcs1' }))],
  ['in SEC 1 for RS256', 'RS256', armour('EC', PAIRS.ES256.privateKey.export({ format: 'der', type: 'sec1' }))],
  ['in SEC 1 of P-384', 'ES256', armour('EC', makePair('P-384').privateKey.export({ format: 'der', type: 'sec1' }))],
  ['in SEC 1 that names another curve', 'ES256', armour('EC', otherCurve())],
  ['of three primes in PKCS #1', 'RS256', THREE_PRIMES.pkcs1],
  ['of three primes in PKCS #8', 'RS256', THREE_PRIMES.pkcs8],
  ['in PKCS #1 under the name of PKCS #8', 'RS256', pkcs1.replaceAll('RSA PRIVATE', 'PRIVATE')],
  ['in PKCS #1 with a password', 'RS256', pkcs1.replace('KEY-----', 'KEY-----\nProc-Type: 4,ENCRYPTED\n')],
  ['in PKCS #1 with parameters before it', 'RS256', `-----BEGIN X-----\n-----END X-----\n${pkcs1}`],
  ['in PKCS #8 with parameters before it', 'ES256', PARAMETERS + pkcs8(PAIRS.ES256.privateKey, 'pem').toString()],
  ['with another one before it', 'RS256', pkcs1 + pem],
  ['with a certificate before it', 'RS256', armour('', rsa).replaceAll(' PRIVATE KEY', 'CERTIFICATE') + pem],
  ['with dashes in the text before it', 'RS256', BAG.replace('Ada', '-----') + pem],
  ['with two beginnings', 'RS256', `-----BEGIN PRIVATE KEY-----\n${pkcs1}`],
  [
    'that is public',
    'RS256',
    createPublicKey(PAIRS.RS256.privateKey).export({ format: 'pem', type: 'spki' }) as string,
  ],
  ['that is cut off', 'RS256', rsa.subarray(0, 900)],
  ['with something before it', 'RS256', `x${pem}`],
  ['with something behind it', 'RS256', `${pem}x`],
  ['without an end', 'RS256', pem.slice(0, -30)],
  ['with other letters in it', 'RS256', pem.replace('MII', 'MI_')],
  ['of zeros', 'RS256', Buffer.alloc(1_200)],
  ['of nothing but a beginning', 'RS256', Buffer.concat([rsa.subarray(0, 26), Buffer.alloc(1_200)])],
];
for (const [form, key] of [
  ['PKCS #1', THREE_PRIMES.pkcs1],
  ['PKCS #8', THREE_PRIMES.pkcs8],
] as const)
  test(`[dispatch.bound] a private key of three primes in ${form} is taken for nothing`, () =>
    // Not for a client certificate either: answers would not be searched for the third.
    assert.equal(derOf(Buffer.from(key)), null));

for (const [name, alg, key] of WRONG) {
  test(`[dispatch.bound] a private key ${name} signs nothing`, () => {
    assert.throws(
      () => ask({ alg }, { key }),
      (error: unknown) =>
        error instanceof DAuthError &&
        error.code === 'POLICY_DENIED' &&
        error.publicMessage ===
          `The private key of the sealed credential is no key for ${alg} in PKCS #8, PKCS #1 or SEC 1. Its owner has to seal another one.` &&
        error.cause === undefined,
    );
  });
}

test('[dispatch.bound] a claim takes no controls and nothing beyond ASCII', () => {
  const key = pkcs8(PAIRS.ES256.privateKey, 'der');
  for (const sub of ['line\nend of it', 'é0123456789', 'nul\0 and more'])
    assert.throws(() => ask({ alg: 'ES256', sub: '{sub}' }, { key, sub }), { code: 'POLICY_DENIED' });
});
