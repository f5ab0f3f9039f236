/** Forms of the ring, as a token endpoint would look at them. */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { makeForm } from './forms.ts';

test('a form says what it is to say, under an assertion of its own each time', async () => {
  // By way of octets: Node 20 may lock itself up while it writes a key that it has just made as a JWK.
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
  const key = createPrivateKey(privateKey).export({ format: 'jwk' }) as Record<string, string>;
  const audience = 'https://auth.example';
  const fill = makeForm({ form: { scope: 'a b' }, clientId: 'bench', key, audience });
  const forms = [fill(), fill()].map((form) => new URLSearchParams(form));
  const read = async (form: URLSearchParams): Promise<string> => {
    const options = { audience, issuer: 'bench', subject: 'bench', algorithms: ['ES256'] };
    const { payload } = await jwtVerify(form.get('client_assertion')!, createPublicKey(privateKey), options);
    assert.equal(form.get('scope'), 'a b');
    return payload.jti!;
  };
  const [first, second] = [await read(forms[0]!), await read(forms[1]!)];
  assert.notEqual(first, second);
});
