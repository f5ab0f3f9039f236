/** What is secret of the key of a client certificate, and the sockets that it is shown on, as an upstream sees them. */
import { createHash, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientIdentity, ClientKind } from './client-certificates.test-support.ts';
import type { Material } from './memory-sealed.test-support.ts';
import type { Beside } from './memory.test-support.ts';

/** Milliseconds within which a socket that nobody uses has to be closed, and what a machine under load may take besides. */
const MOST_IDLE = 20_000;

export interface CertifiedSockets {
  /** Every third call is the last one of its socket, so that the key is read anew again and again. */
  readonly beside: Beside;
  /** Settles when the last of them has closed. */
  readonly closed: () => Promise<void>;
}

export function certifiedSockets(): CertifiedSockets {
  const open = new Set<Socket>();
  let calls = 0;
  return {
    beside({ socket }, response) {
      if (!(socket as TLSSocket).authorized) return false;
      response.shouldKeepAlive = calls++ % 3 > 0;
      if (!open.has(socket)) socket.once('close', () => open.delete(socket));
      open.add(socket);
      return false;
    },
    async closed() {
      for (let waited = 0; open.size > 0; waited += 100) {
        if (waited > MOST_IDLE) throw new Error(`${open.size} sockets are open still`);
        await sleep(100);
      }
    },
  };
}

/** As OpenSSL has it first: that is what has to be found while a socket is open. */
function numbersOf(key: KeyObject): Readonly<Record<string, Buffer>> {
  const jwk = key.export({ format: 'jwk' });
  const parts: Record<string, Buffer> = {};
  if (key.asymmetricKeyType === 'ed25519') {
    const seed = Buffer.from(jwk.d!, 'base64url');
    // RFC 8032 §5.1.5: what is signed with is made of it.
    return { 'private d': seed, 'expanded d': createHash('sha512').update(seed).digest() };
  }
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
    if (jwk[name] === undefined) continue;
    const number = Buffer.from(jwk[name], 'base64url');
    parts[`private ${name}, words`] = Buffer.from(number.toReversed());
    parts[`private ${name}`] = number;
  }
  return parts;
}

/** Which text of a key in PKCS #8 is secret: behind what is public, or says which kind it is. */
const SECRET_TEXT: Readonly<Record<ClientKind, readonly [start: number, end: number]>> = {
  RSA: [460, -30],
  'P-256': [76, 119],
  Ed25519: [50, 92],
};

export function materialOf(
  { certificate, key, pem }: ClientIdentity,
  kind: ClientKind,
  format: 'pem' | 'der',
): Material {
  const text = Buffer.from(pem);
  const value = format === 'pem' ? text : Buffer.from(key.export({ format, type: 'pkcs8' }));
  const parts = { ...numbersOf(key), 'key in PEM': text.subarray(...SECRET_TEXT[kind]) };
  return { value, parts, beside: { certificate: Buffer.from(certificate) } };
}
