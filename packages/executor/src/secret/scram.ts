/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side: from a password's octets to the one message that proves it.
 * Never a string of the password or of a key made from it: each is memory of our own, and zeroed here but for what answers are
 * searched for.
 */
import { writeBase64 } from './encode.ts';
import { ownedBytes, wipe } from './memory.ts';
import { mac, secretDigest, stretch } from './native.ts';
import { ByteWriter } from './writer.ts';

/** Everything of the conversation so far; all of it is public. */
export interface ScramExchange {
  /** RFC 5802 §7 `client-first-message-bare`. */
  readonly clientFirst: string;
  readonly serverFirst: string;
  /** RFC 5802 §7 `client-final-message-without-proof`. */
  readonly clientFinal: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** Owned memory throughout; whoever takes it zeroes it. */
export interface ScramProof {
  /** The whole `client-final-message`. */
  readonly message: Buffer;
  /** What a server that knows the password answers with. */
  readonly serverSignature: Buffer;
  /** What was made on the way and could stand in an answer. */
  readonly made: readonly Buffer[];
}

const HASH = 'sha256';
const LENGTH = 32;

/** @param password printable ASCII, of which SASLprep (RFC 4013) changes nothing */
export function proveScram(password: Uint8Array, exchange: ScramExchange): ScramProof {
  const { clientFirst, serverFirst, clientFinal, salt, iterations } = exchange;
  const authMessage = Buffer.from(`${clientFirst},${serverFirst},${clientFinal}`, 'latin1');
  const salted = stretch(HASH, password, salt, iterations, LENGTH);
  const clientKey = mac(HASH, salted, Buffer.from('Client Key'));
  const serverKey = mac(HASH, salted, Buffer.from('Server Key'));
  wipe(salted);
  const storedKey = secretDigest(HASH, clientKey);
  const clientSignature = mac(HASH, storedKey, authMessage);
  const proof = ownedBytes(LENGTH);
  for (let i = 0; i < LENGTH; i++) proof[i] = clientKey[i]! ^ clientSignature[i]!;
  const serverSignature = mac(HASH, serverKey, authMessage);
  using message = new ByteWriter();
  message.text(`${clientFinal},p=`);
  writeBase64(message, proof, 'base64', true);
  wipe(clientSignature);
  return { message: message.take(), serverSignature, made: [clientKey, storedKey, serverKey, proof] };
}
