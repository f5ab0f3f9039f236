/** Project Wycheproof's vectors, where a copy is at hand: `DAUTH_TEST_DATA/wycheproof`. Nothing of them lives in this repository. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DAuthError, encodeBase64url, splitJws } from '@dauth/protocol';
import { assertSigned } from './jws.ts';
import { parseKeySet } from './jwks.ts';
import { importKey, isSignedBy, type VerifyKey } from './key.ts';
import { importRsaKey } from './rsa.ts';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly jws?: unknown;
  readonly msg?: string;
  readonly sig?: string;
}

interface Group {
  readonly public?: { readonly alg?: string; readonly keys?: readonly unknown[] };
  readonly private?: { readonly alg?: string };
  readonly publicKey?: { readonly uncompressed?: string; readonly pk?: string };
  readonly tests: readonly Vector[];
}

const directory = join(process.env.DAUTH_TEST_DATA ?? '', 'wycheproof');
/** Whoever names a folder means that the vectors are run: a file that is missing in it is a failure. */
const skip =
  process.env.DAUTH_TEST_DATA === undefined
    ? 'SKIPPED: set DAUTH_TEST_DATA to a folder that holds wycheproof/*.json to run these vectors'
    : false;
const SUBJECT = { what: 'The token', refusal: 'UNAUTHENTICATED' } as const;

function groups(file: string): readonly Group[] {
  return (JSON.parse(readFileSync(join(directory, file), 'utf8')) as { testGroups: Group[] }).testGroups;
}

/** Whether this package would take the JWS with this key; anything but a refusal of ours is a defect. */
function isTaken(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    assert.ok(error instanceof DAuthError, String(error));
    return false;
  }
}

function verifies(jws: unknown, key: () => VerifyKey): boolean {
  return isTaken(() => assertSigned(splitJws(String(jws), 65_536), key(), SUBJECT));
}

/** Algorithms of DAuth's own keys, and of keys of other issuers; with anything else nothing verifies, whatever a vector says. */
const IMPORTS: ReadonlyMap<unknown, (jwk: unknown) => VerifyKey> = new Map([
  ['ES256', importKey],
  ['RS256', importRsaKey],
  ['PS256', importRsaKey],
]);

/** Vectors that are judged otherwise here, each with the reason. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  ['json_web_signature_test.json 259', 'an empty payload is no JSON object'],
  ['json_web_signature_test.json 272', 'an empty payload is no JSON object'],
  ['json_web_signature_test.json 346', 'its header says PS384, its key PS256 (RFC 8725 §3.1)'],
  ['json_web_signature_test.json 350', 'its header says PS384, its key PS256 (RFC 8725 §3.1)'],
  ['json_web_crypto_test.json 46', 'a weak modulus (ROCA) is for the issuer to replace; its signature is good'],
]);

for (const { file, taken, refused } of [
  { file: 'json_web_signature_test.json', taken: 14, refused: 350 },
  { file: 'json_web_crypto_test.json', taken: 2, refused: 40 },
])
  test(`${file}: what is invalid is refused, every valid ES256, RS256 and PS256 one is taken`, { skip }, (t) => {
    const counts = { taken: 0, refused: 0, outside: 0, otherwise: 0 };
    for (const group of groups(file)) {
      const jwk = group.public ?? group.private;
      const importIt = IMPORTS.get(jwk?.alg);
      for (const { tcId, comment, result, jws } of group.tests) {
        if (jws === undefined) continue;
        const isOk = verifies(jws, () => (importIt ?? importKey)(jwk));
        const isOtherwise = OTHERWISE.has(`${file} ${tcId}`);
        if (result === 'valid' && importIt === undefined) counts.outside++;
        const isGood = result === 'valid' && importIt !== undefined;
        assert.equal(isOk, isGood !== isOtherwise, `case ${tcId}: ${comment}`);
        counts[isOk ? 'taken' : 'refused']++;
        if (isOtherwise) counts.otherwise++;
      }
    }
    t.diagnostic(`${file}: ${JSON.stringify(counts)}; "outside": valid ones of algorithms that are not taken here`);
    assert.ok(counts.taken >= taken && counts.refused >= refused, JSON.stringify(counts));
  });

test('JSON Web Key vectors: no hostile key set verifies anything', { skip }, () => {
  let cases = 0;
  for (const group of groups('json_web_key_test.json')) {
    for (const vector of group.tests) {
      cases++;
      const isOk = isTaken(() => {
        const keys = parseKeySet(JSON.stringify(group.public ?? group.private ?? {}));
        const jws = splitJws(String(vector.jws), 65_536);
        const key = keys.get(String(jws.header.kid));
        if (key === undefined) throw new DAuthError('UNAUTHENTICATED');
        assertSigned(jws, key, SUBJECT);
      });
      assert.equal(isOk, false, `case ${vector.tcId}: ${vector.comment}`);
    }
  }
  assert.ok(cases >= 20);
});

test('ECDSA P-256 SHA-256 vectors (R and S): exactly the valid ones verify', { skip }, () => {
  runSignatures('ecdsa_secp256r1_sha256_p1363_test.json', (group) => {
    const point = Buffer.from(group.publicKey!.uncompressed!, 'hex');
    return importKey({
      kty: 'EC',
      crv: 'P-256',
      x: encodeBase64url(point.subarray(1, 33)),
      y: encodeBase64url(point.subarray(33)),
    });
  });
});

test('Ed25519 vectors: exactly the valid ones verify', { skip }, () => {
  runSignatures('ed25519_test.json', (group) => {
    return importKey({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(Buffer.from(group.publicKey!.pk!, 'hex')) });
  });
});

function runSignatures(file: string, keyOf: (group: Group) => VerifyKey): void {
  let cases = 0;
  for (const group of groups(file)) {
    const key = keyOf(group);
    for (const vector of group.tests) {
      cases++;
      const isOk = isSignedBy(key, Buffer.from(vector.msg!, 'hex'), Buffer.from(vector.sig!, 'hex'));
      assert.equal(isOk, vector.result === 'valid', `case ${vector.tcId}: ${vector.comment}`);
    }
  }
  assert.ok(cases >= 100, `${cases} cases`);
}
