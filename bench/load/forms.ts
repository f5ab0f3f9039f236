/** Forms by which a client shows who it is (`private_key_jwt`, RFC 7523 §2.2), signed ahead. Never an assertion that is sent twice. */
import { randomUUID } from 'node:crypto';
import type { AssertedForm } from './job.ts';
import { makeJws } from './jws.ts';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LIFE_SECONDS = 120;

/** Makes the same form again and again, each with an assertion of its own. */
export function makeForm({ form, clientId, key, audience: aud }: AssertedForm): () => string {
  const signed = makeJws(key);
  const fixed = new URLSearchParams({ ...form, client_assertion_type: TYPE }).toString();
  return () => {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { iss: clientId, sub: clientId, aud, jti: randomUUID(), iat, exp: iat + LIFE_SECONDS };
    return `${fixed}&client_assertion=${signed({}, claims)}`;
  };
}
