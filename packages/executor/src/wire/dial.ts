/**
 * Connecting: TCP and TLS to exactly an address that was checked (protocol.md §5 step 4), and nothing else.
 * Never resolves a name, never offers a session of another connection, never skips a certificate check.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import { constants } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';
import type { CheckedAddress } from '../where/address.ts';
import { checkServerName } from '../where/certificate.ts';
import { checkPins, type SentCertificate } from '../where/pins.ts';
import { connectCertified, type Certified } from './dial-certified.ts';
import { asDownstream } from './faults.ts';
import { ownedBytes } from '../secret/memory.ts';
import { scrubRegisters } from '../secret/registers.ts';

/** Takes what the socket read, in place; the octets are zeroed as soon as it returns. */
export type Received = (octets: Buffer) => void;

/** OpenSSL's `SSL_OP_CLEANSE_PLAINTEXT`: its own copy of each decrypted record is zeroed once it was read. */
const CLEANSE_PLAINTEXT = 0x2;
const HARDENED: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  // A renegotiation could make OpenSSL queue our head in memory that we cannot zero.
  secureOptions: CLEANSE_PLAINTEXT | constants.SSL_OP_NO_RENEGOTIATION,
};
/** One TLS record (RFC 8446 §5.1), which is what a read brings at most. */
const READ_BUFFER = 16_384;

let store: { readonly extra: string; readonly trust: SecureContext } | undefined;

/**
 * The trust store: Node's own roots and the operator's. The roots are named, since a Node may be built to trust the system's instead;
 * that takes 50 ms of a processor, so it is made once, and not before somebody needs it.
 * @param extra PEM texts
 */
export function trustStore(extra: readonly string[]): SecureContext {
  const text = extra.join('\n');
  if (store?.extra !== text)
    store = { extra: text, trust: createSecureContext({ ca: [...rootCertificates, ...extra], ...HARDENED }) };
  return store.trust;
}

/**
 * As often as a credential is put into one: made from roots that Node has read already, in a few milliseconds.
 * @param extra PEM texts
 */
function freshTrust(extra: readonly string[]): SecureContext {
  const trust = createSecureContext(HARDENED);
  for (const pem of extra) (trust.context as { addCACert(pem: string): void }).addCACert(pem);
  return trust;
}

/** What sockets trust. */
export interface Trust {
  /** For all that show nothing of their own. */
  readonly shared: () => SecureContext;
  /** As often as a credential is put into one. */
  readonly fresh: () => SecureContext;
}

/** @param extra PEM texts */
export function trustOf(extra: readonly string[]): Trust {
  return { shared: () => trustStore(extra), fresh: () => freshTrust(extra) };
}

/** Where a socket goes, whose keys it has to lead to, and as who. */
export interface Dialled {
  readonly address: CheckedAddress;
  /** Pins of the origin (§2.1 `spki`). */
  readonly pins?: readonly string[] | undefined;
  /** The client certificate that is shown there (§2.9). */
  readonly certified?: Certified | undefined;
}

/**
 * Dials the checked addresses one after another.
 * @returns a connected socket (after the handshake, for https); reads go to `received` in a buffer of our own
 * @throws DAuthError `DOWNSTREAM_TIMEOUT`, `DOWNSTREAM_UNREACHABLE`, `DOWNSTREAM_TLS_ERROR`
 */
export async function dial(to: Dialled, trust: Trust, timeoutMs: number, received: Received): Promise<Socket> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let failure: unknown;
  for (const ip of to.address.ips) {
    try {
      return await dialOne(to, ip, trust, timeout, received);
    } catch (error) {
      failure = error;
      if (timeout.aborted) throw new DAuthError('DOWNSTREAM_TIMEOUT');
    }
  }
  throw asDownstream(failure);
}

function dialOne(to: Dialled, ip: string, trust: Trust, timeout: AbortSignal, received: Received): Promise<Socket> {
  const { address, certified } = to;
  const socket =
    certified === undefined
      ? connectPlainly(to, ip, trust.shared(), received)
      : connectCertified({ ...to, certified }, ip, trust.fresh, received);
  return whenConnected(socket, address.scheme === 'http' ? 'connect' : 'secureConnect', timeout);
}

function connectPlainly({ address, pins }: Dialled, ip: string, trust: SecureContext, received: Received): Socket {
  const buffer = ownedBytes(READ_BUFFER);
  const onread = {
    buffer,
    callback: (length: number): boolean => {
      scrubRegisters();
      received(buffer.subarray(0, length));
      buffer.fill(0, 0, length);
      return true;
    },
  };
  if (address.scheme === 'http') return connectTcp({ host: ip, port: address.port, onread, noDelay: true });
  return connectTls({
    ...({ onread } as object),
    host: ip,
    port: address.port,
    servername: address.host,
    ALPNProtocols: ['http/1.1'],
    secureContext: trust,
    // Said although it is the default: an environment variable can turn the default off.
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) =>
      checkServerName(address.host, certificate.raw) ?? checkPins(pins, certificate as SentCertificate),
  });
}

function whenConnected(socket: Socket, event: 'connect' | 'secureConnect', timeout: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => void socket.destroy(new DAuthError('DOWNSTREAM_TIMEOUT'));
    const settle = (): void => {
      timeout.removeEventListener('abort', giveUp);
      socket.removeListener('error', failed);
      socket.removeListener('close', closed);
      // Whoever waits for it listens a moment later, and an error without a listener ends the process.
      socket.on('error', () => undefined);
    };
    const failed = (error: Error): void => {
      settle();
      reject(asDownstream(error));
    };
    const closed = (): void => failed(new DAuthError('DOWNSTREAM_UNREACHABLE'));
    timeout.addEventListener('abort', giveUp);
    socket.once('error', failed).once('close', closed);
    socket.once(event, () => {
      // Whoever listened before may have refused the server.
      if (socket.destroyed) return;
      settle();
      socket.setNoDelay(true).setKeepAlive(true, 60_000);
      resolve(socket);
    });
  });
}
