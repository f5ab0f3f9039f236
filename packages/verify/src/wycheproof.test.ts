/** Project Wycheproof's vectors, where a copy is at hand: `DAUTH_TEST_DATA/wycheproof`. Nothing of them lives in this repository. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DAuthError, encodeBase64url, splitJws } from '@dauth/protocol';
import { assertSigned } from './jws.ts';
import { parseKeySet } from './jwks.ts';
import { importKey, isSignedBy, type VerifyKey } from './key.ts';

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
const isHere = process.env.DAUTH_TEST_DATA !== undefined && existsSync(directory);
const skip = isHere
  ? false
  : 'SKIPPED: set DAUTH_TEST_DATA to a folder that holds wycheproof/*.json to run these vectors';
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

test('JSON Web Signature vectors: what is invalid is refused, and every valid ES256 one is taken', { skip }, () => {
  let taken = 0;
  let refused = 0;
  for (const group of groups('json_web_signature_test.json')) {
    const jwk = group.public ?? group.private;
    for (const vector of group.tests) {
      const isOk = verifies(vector.jws, () => importKey(jwk));
      // What DAuth does not take at all (RSA, HMAC, P-521) must not verify either; `valid` is asked for ES256 only.
      const shouldBe = vector.result === 'valid' && jwk?.alg === 'ES256';
      assert.equal(isOk, shouldBe, `case ${vector.tcId}: ${vector.comment}`);
      if (isOk) taken++;
      else refused++;
    }
  }
  assert.ok(taken >= 2 && refused >= 350, `${taken} taken, ${refused} refused`);
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
