/** Of what is made of a secret on the way to what goes out, nothing stays in memory of our own. Looked at in the same tick. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { decodeBase64url, parseEnvelope, parseInjections } from '@dauth/protocol';
import { before, test } from 'node:test';
import { openEnvelope, type OpeningKey } from '../open.ts';
import { resealEnvelope } from '../reseal.ts';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { ownedDuring } from '../support/memory-held.test-support.ts';
import { KID, sealMaterial } from '../support/memory-sealed.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { ChunkKey } from './aws-chunks.ts';
import { inject } from './inject.ts';
import { proveMd5 } from './md5.ts';
import { wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';
import { proveScram } from './scram.ts';

let key: OpeningKey;
let compact: string;
before(async () => {
  const { privateKey, publicKey } = makePair('X25519');
  key = { kid: KID, alg: 'HPKE-3', privateKey, publicRaw: decodeBase64url(publicKey.export({ format: 'jwk' }).x!) };
  const inject = parseInjections([{ in: 'header', name: 'authorization', value: 'Bearer {token}' }]);
  ({ envelope: compact } = await sealMaterial({ privateKey, publicRaw: Buffer.from(key.publicRaw) }, 0, inject, {}));
});

/** A request is signed, and what comes of it is zeroed by whoever took it. */
function signing(scheme: object): () => void {
  return () => {
    using plaintext: Plaintext = plaintextOf({
      token: 'c2VjcmV0LXZhbHVlLW9mLXRoaXMtdGVzdA==',
      second: 'a second one, which is longer',
    });
    const filled = inject(plaintext, parseInjections([scheme]), fillable('/a?b=c'));
    wipe(filled.target, filled.lines, ...filled.secrets);
  };
}

const AWS = {
  ...{ scheme: 'aws_sigv4', access_key: 'AKIDEXAMPLE', secret_key: '{token}' },
  ...{ region: 'eu-west-1', service: 's3' },
};
const HMAC = {
  ...{ scheme: 'hmac', key: '{token}', key_encoding: 'base64', hash: 'sha512', sign: '{@digest}{@target}' },
  digest: { hash: 'sha256', of: '{second}', encoding: 'hex' },
  put: [{ in: 'header', name: 'x-signature', value: '{second} {@signature}' }],
};
const EXCHANGE = { clientFirst: 'n=,r=a', serverFirst: 'r=ab', clientFinal: 'c=biws,r=ab', iterations: 4_096 };
const SALT = Buffer.from('salt');
/** What RFC 9180 §5.1 makes of no pre-shared key and no `info`: the same for everybody. */
const CONTEXT = ['psk_id_hash', 'info_hash'].map((label) =>
  createHmac('sha256', Buffer.alloc(32)).update(`HPKE-v1HPKE\0\x20\0\x01\0\x01${label}`).digest(),
);

/** Each gives what may stay, for it is public. */
const WAYS: Readonly<Record<string, () => readonly Uint8Array[] | void>> = {
  'an envelope is opened': () => {
    openEnvelope(parseEnvelope(compact), key)[Symbol.dispose]();
    return CONTEXT;
  },
  'an envelope is sealed again': () => {
    const envelope = parseEnvelope(compact);
    using plaintext = openEnvelope(envelope, key);
    return [...CONTEXT, parseEnvelope(resealEnvelope(plaintext, envelope.header, key)).enc];
  },
  'AWS is signed to, in the header': signing(AWS),
  'AWS is signed to, in the query': signing({ ...AWS, place: 'query', expires: 60 }),
  'a piece is signed': () => {
    const frame = Buffer.from(`1;chunk-signature=${'0'.repeat(64)}\r\nx\r\n`);
    const chunkKey = new ChunkKey(Buffer.alloc(32, 7), 'time\nscope\n', Buffer.alloc(64, 'a'));
    chunkKey.sign(frame);
    chunkKey[Symbol.dispose]();
  },
  'OAuth 1.0 is signed by': signing({
    ...{ scheme: 'oauth1', consumer_key: 'a-key', consumer_secret: '{token}', hash: 'sha256' },
    ...{ token: '{second}', token_secret: '{token}' },
  }),
  'HMAC is signed by': signing(HMAC),
  'a password is proven by SCRAM': () => {
    const { message, serverSignature, made } = proveScram(Buffer.from('pencil'), { ...EXCHANGE, salt: SALT });
    wipe(message, serverSignature, ...made);
  },
  'a password is proven by MD5': () => {
    const { message, made } = proveMd5(Buffer.from('pencil'), 'app', SALT);
    wipe(message, ...made);
  },
};

for (const [what, way] of Object.entries(WAYS))
  test(`[memory.clean] nothing that is made on the way stays when ${what}`, () => {
    const { given, made } = ownedDuring(way);
    assert.ok(made.length > 3, 'it was made in memory of our own');
    const isLeft = (octets: Buffer): boolean => octets.some((octet) => octet !== 0);
    const left = made.filter((octets) => isLeft(octets) && !(given ?? []).some((open) => octets.equals(open)));
    assert.deepEqual(
      left.map((octets) => octets.toString('hex')),
      [],
    );
  });

test('[memory.clean] no field is hashed by an object, which would keep the result until it is collected', (t) => {
  const hash: object = Object.getPrototypeOf(createHash('sha256'));
  const { mock } = t.mock.method(hash as { digest(): Buffer }, 'digest');
  signing(HMAC)();
  assert.equal(mock.callCount(), 0);
});
