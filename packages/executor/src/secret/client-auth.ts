/**
 * Who asks a token endpoint, and what proves it (§2.6): a secret that is shown, or an assertion that a sealed key signs.
 * Octet by octet, as the request they go into.
 */
import { proofOf, type KeyProof, type Template } from '@dauth/protocol';
import { makeAssertion } from './assertion.ts';
import { writeBase64, writeForm } from './encode.ts';
import { fill, type Fields, type Held } from './fill.ts';
import { writeParameter, writeText, VSCHAR } from './form.ts';
import { assertFindable } from './inject.ts';
import { ownedConcat, wipe } from './memory.ts';
import { ByteWriter } from './writer.ts';

/** Seconds that a client's assertion is good for: it is used at once, and whoever gets hold of it soon has nothing. */
const ASSERTION_LIFE = 60;

/** A request that is written. */
export interface Asking {
  readonly lines: ByteWriter;
  readonly body: ByteWriter;
  readonly fields: Fields;
  /** Unix seconds. */
  readonly now: number;
  /** Told of every assertion before anybody is shown it, and for how many seconds it is good. */
  readonly signed: (jwt: Buffer, seconds: number) => void;
}

/** Tells of it. @returns the same; zeroed where that throws */
export function told(jwt: Buffer, seconds: number, { signed }: Pick<Asking, 'signed'>): Buffer {
  try {
    signed(jwt, seconds);
    return jwt;
  } catch (error) {
    wipe(jwt);
    throw error;
  }
}

/**
 * RFC 6749 §2.3.1, or RFC 7523 §2.2; a public client says its name only (§3.2.1 of the former).
 * @returns what an answer must not be read with: owned memory which the caller zeroes
 */
export function writeClient(asking: Asking, scheme: { readonly client_id: Template }): readonly Buffer[] {
  const { lines, body, fields } = asking;
  const proof = proofOf(scheme);
  using id = fill(scheme.client_id, fields, VSCHAR);
  if (proof?.auth !== 'client_secret_basic') writeParameter(body, 'client_id', id.bytes);
  if (proof === undefined) return [];
  if (proof.auth === 'private_key_jwt') return [writeAssertion(asking, scheme.client_id, proof)];
  using secret = fill(proof.client_secret, fields, VSCHAR);
  assertFindable(secret.bytes);
  const shown = ownedConcat(secret.bytes);
  if (proof.auth === 'client_secret_post') {
    writeParameter(body, 'client_secret', secret.bytes);
    return [shown];
  }
  const credential = basicCredential(id, secret);
  lines.text('authorization: Basic ').bytes(credential).text('\r\n');
  return [shown, credential];
}

/** RFC 7523 §2.2: by the client about itself. @returns as above */
function writeAssertion(asking: Asking, id: Template, proof: KeyProof): Buffer {
  const { body, fields, now } = asking;
  const { auth: _, ...key } = proof;
  const made = makeAssertion({ ...key, iss: id, sub: id, lifetime: ASSERTION_LIFE }, fields, now);
  const assertion = told(made, ASSERTION_LIFE, asking);
  writeText(body, 'client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  writeParameter(body, 'client_assertion', assertion);
  return assertion;
}

/** RFC 6749 §2.3.1: both are encoded as in a form before they are Basic. */
function basicCredential(id: Held, secret: Held): Buffer {
  // At its full length from the start: what grows is copied in between.
  using pair = new ByteWriter((id.bytes.length + secret.bytes.length) * 3 + 1);
  writeForm(pair, id.bytes);
  pair.text(':');
  writeForm(pair, secret.bytes);
  const joined = pair.take();
  using credential = new ByteWriter(Math.ceil(joined.length / 3) * 4);
  writeBase64(credential, joined, 'base64', true);
  wipe(joined);
  return credential.take();
}
