/**
 * PostgreSQL's MD5 login (PostgreSQL documentation §55.2.1): for servers that have no better, and only where the owner said so.
 * Never a string of the password or of its hash, which is as good as the password to that server.
 */
import { writeHex } from './encode.ts';
import { ownedConcat, wipe } from './memory.ts';
import { secretDigest } from './native.ts';
import { ByteWriter } from './writer.ts';

/** @returns the answer to the server's salt, as text, and what was made on the way; owned memory throughout */
export function proveMd5(
  password: Uint8Array,
  user: string,
  salt: Uint8Array,
): { readonly message: Buffer; readonly made: readonly Buffer[] } {
  const inner = secretDigest('md5', password, Buffer.from(user, 'latin1'));
  const shadow = hexOf(inner);
  const outer = secretDigest('md5', shadow, salt);
  const answer = hexOf(outer);
  const message = ownedConcat(Buffer.from('md5'), answer);
  wipe(outer);
  return { message, made: [inner, shadow, answer] };
}

function hexOf(digest: Buffer): Buffer {
  using out = new ByteWriter(digest.length * 2);
  writeHex(out, digest, 'lower');
  return out.take();
}
