/**
 * Who asks a token endpoint, and what proves it (§2.6): a secret that is shown, or an assertion that a sealed key signs.
 * Octet by octet, as the request they go into.
 */
import { proofOf, type Template } from '@dauth/protocol';
import { writeBase64, writeForm } from './encode.ts';
import { fill, type Fields, type Held } from './fill.ts';
import { writeParameter, writeText, VSCHAR } from './form.ts';
import { assertFindable } from './inject.ts';
import { ownedConcat, wipe } from './memory.ts';
import { ByteWriter } from './writer.ts';

/** A request that is written. */
export interface Asking {
  readonly lines: ByteWriter;
  readonly body: ByteWriter;
  readonly fields: Fields;
  /** What was signed for it, where its scheme signs. */
  readonly assertion: Buffer | null;
}

/**
 * RFC 6749 §2.3.1, or RFC 7523 §2.2; a public client says its name only (§3.2.1 of the former).
 * @returns what an answer must not be read with, but for the assertion: owned memory which the caller zeroes
 */
export function writeClient(asking: Asking, scheme: { readonly client_id: Template }): readonly Buffer[] {
  const { lines, body, fields } = asking;
  const proof = proofOf(scheme);
  using id = fill(scheme.client_id, fields, VSCHAR);
  if (proof?.auth !== 'client_secret_basic') writeParameter(body, 'client_id', id.bytes);
  if (proof === undefined) return [];
  if (proof.auth === 'private_key_jwt') {
    writeText(body, 'client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    writeParameter(body, 'client_assertion', asking.assertion!);
    return [];
  }
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
