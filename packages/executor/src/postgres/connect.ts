/**
 * The way to a database: TCP to an address that was checked, then TLS, or nothing (PostgreSQL documentation §55.2.10).
 * Never speaks in clear beyond the question for TLS, never resolves a name, never skips a certificate check.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { DAuthError } from '@dauth/protocol';
import type { CheckedAddress } from '../where/address.ts';
import { checkServerName } from '../where/certificate.ts';
import { asDownstream } from '../wire/faults.ts';
import { cancelRequest, sslRequest } from './messages.ts';

const YES = 0x53;
/** RFC 7301: a server of another protocol, met by mistake or by an attacker's hand, is told which one this is. */
const ALPN = 'postgresql';

export type DatabaseAddress = Pick<CheckedAddress, 'host' | 'port' | 'ips'>;

/**
 * Dials the checked addresses one after another.
 * @returns the socket after its handshake, and the address it is at
 * @throws DAuthError `DOWNSTREAM_TIMEOUT`, `DOWNSTREAM_UNREACHABLE`, `DOWNSTREAM_TLS_ERROR`
 */
export async function connectDatabase(
  address: DatabaseAddress,
  trust: SecureContext,
  timeoutMs: number,
): Promise<{ readonly socket: TLSSocket; readonly ip: string }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let failure: unknown;
  for (const ip of address.ips) {
    try {
      return { socket: await dialOne(address, ip, trust, timeout), ip };
    } catch (error) {
      failure = error;
      if (timeout.aborted) throw new DAuthError('DOWNSTREAM_TIMEOUT');
    }
  }
  throw asDownstream(failure);
}

/** Asks a server to stop what one of its sessions does. Resolves when it has heard, or never will. */
export async function cancelAt(
  address: DatabaseAddress,
  key: Buffer,
  trust: SecureContext,
  timeoutMs: number,
): Promise<void> {
  const { socket } = await connectDatabase(address, trust, timeoutMs);
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => socket.destroy(), timeoutMs);
    socket.once('close', () => {
      clearTimeout(late);
      resolve();
    });
    socket.on('error', () => undefined);
    socket.resume();
    socket.end(cancelRequest(key));
  });
}

async function dialOne(
  address: DatabaseAddress,
  ip: string,
  trust: SecureContext,
  timeout: AbortSignal,
): Promise<TLSSocket> {
  const plain = connectTcp({ host: ip, port: address.port, noDelay: true });
  await whenReady(plain, timeout, (ready, failed) => {
    plain.once('connect', () => plain.write(sslRequest()));
    plain.once('data', (answer: Buffer) => {
      plain.pause();
      // Exactly this: what came with it was said by nobody we know, and would be read as if it had come through TLS.
      if (answer.length === 1 && answer[0] === YES) ready();
      else failed(new DAuthError('DOWNSTREAM_TLS_ERROR'));
    });
  });
  const socket = connectTls({
    socket: plain,
    servername: address.host,
    ALPNProtocols: [ALPN],
    secureContext: trust,
    // Said although it is the default: an environment variable can turn the default off.
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkServerName(address.host, certificate.raw),
  });
  await whenReady(socket, timeout, (ready) => socket.once('secureConnect', ready));
  return socket;
}

/** Waits for one step of a connection; a socket whose step failed is gone. */
function whenReady(
  socket: Socket,
  timeout: AbortSignal,
  listen: (ready: () => void, failed: (error: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timeout.removeEventListener('abort', late);
      socket.removeListener('error', failed);
      socket.removeListener('close', closed);
    };
    const failed = (error: Error): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const closed = (): void => failed(new DAuthError('DOWNSTREAM_UNREACHABLE'));
    const late = (): void => failed(new DAuthError('DOWNSTREAM_TIMEOUT'));
    if (timeout.aborted) return late();
    timeout.addEventListener('abort', late);
    socket.once('error', failed).once('close', closed);
    listen(() => {
      settle();
      resolve();
    }, failed);
  });
}
