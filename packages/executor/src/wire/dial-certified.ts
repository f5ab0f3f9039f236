/**
 * Connecting with a client certificate (spec/dauth.md §2.9): TCP and TLS to a checked address, as who was sealed.
 * Never lets anything made with the key go out before the server's certificate, name and pins are known to be good.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { DAuthError, type Mtls } from '@dauth/protocol';
import { checkServerName } from '../where/certificate.ts';
import { checkPins, type SentCertificate } from '../where/pins.ts';
import { wearCertificate } from '../secret/client-certificate.ts';
import type { KeyKind } from '../secret/key-numbers.ts';
import { wipe } from '../secret/memory.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { scrubStackSoon } from '../secret/scrub.ts';
import type { Dialled, Received } from './dial.ts';
import { HeldBack } from './held-back.ts';

/** By what a key of each kind signs, as Node calls it: RFC 8446 §4.2.3, where PKCS #1 is for certificates alone and ECDSA tied to a curve. */
const SIGNED: Readonly<Record<KeyKind, RegExp>> = { rsa: /^RSA-PSS\+/, ec: /^ECDSA\+SHA256$/, ed25519: /^Ed25519\+/ };
/** RFC 5246 §7.4.4, RFC 8422 §5.5. */
const SIGNED_IN_TLS12: typeof SIGNED = { ...SIGNED, rsa: /^RSA(?:-PSS)?\+/, ec: /^ECDSA\+/ };

/** Who a socket is to be of. */
export interface Certified {
  readonly scheme: Mtls;
  /** Steps 6 and 7 of a request that waits for the socket. */
  readonly open: () => Plaintext;
}

/** Node's own name for what it gives nobody else: what OpenSSL found of the chain, also before the handshake is over. */
interface Handle {
  readonly verifyError?: () => Error | null | undefined;
}

/**
 * Begins the handshake; the key is in memory from here until the socket is closed.
 * @param makeTrust makes a trust store that nobody else has, because the certificate is put into it
 * @throws DAuthError what `open` throws; `POLICY_DENIED` for a certificate or a key that cannot be used
 */
export function connectCertified(
  { address, pins, certified }: Dialled & { readonly certified: Certified },
  ip: string,
  makeTrust: () => SecureContext,
  received: Received,
): Socket {
  const checkServer = (leaf: SentCertificate): Error | undefined =>
    checkServerName(address.host, leaf.raw) ?? checkPins(pins, leaf);
  const context = makeTrust();
  try {
    using plaintext = certified.open();
    const kind = wearCertificate(plaintext, certified.scheme, context.context as never);
    const tcp = connectTcp({ host: ip, port: address.port, noDelay: true });
    const socket: TLSSocket = connectTls({
      socket: new HeldBack(tcp, () => assertServer(socket, kind, checkServer)),
      servername: address.host,
      ALPNProtocols: ['http/1.1'],
      secureContext: context,
      // Said although it is the default: an environment variable can turn the default off.
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) => checkServer(certificate as SentCertificate),
    });
    socket.on('data', (octets: Buffer) => {
      scrubRegisters();
      received(octets);
      wipe(octets);
    });
    // Heard by whoever waits for it, if anybody does; an error without a listener ends the process.
    socket.on('error', () => undefined).once('close', scrubStackSoon);
    socket.once('secureConnect', () => {
      scrubStackSoon();
      // In TLS 1.3 this comes before what is held back is written: nobody may have a socket that will not stand.
      try {
        assertServer(socket, kind, checkServer);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    return socket;
  } finally {
    // The socket has what it needs of it; else the key would stay until the object is collected.
    (context.context as { close(): void }).close();
    scrubRegisters();
    scrubStackSoon();
  }
}

function assertServer(
  socket: TLSSocket,
  kind: KeyKind,
  checkServer: (leaf: SentCertificate) => Error | undefined,
): void {
  const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle;
  const leaf = socket.getPeerCertificate(true) as Partial<SentCertificate>;
  // What cannot be looked at is not known.
  if (typeof handle?.verifyError !== 'function' || leaf.raw === undefined) throw new DAuthError('DOWNSTREAM_TLS_ERROR');
  const wrong = handle.verifyError() ?? checkServer(leaf as SentCertificate);
  if (wrong) throw wrong;
  // RFC 8446 §4.3.2: a server that asks says by which algorithms. OpenSSL answers one that asks for others with no certificate.
  const shared = socket.getSharedSigalgs();
  const usable = socket.getProtocol() === 'TLSv1.2' ? SIGNED_IN_TLS12 : SIGNED;
  if (!shared.some((algorithm) => usable[kind].test(algorithm)))
    throw new DAuthError(
      'DOWNSTREAM_AUTH_FAILURE',
      `The upstream asks for no client certificate${shared.length === 0 ? '' : ' with a key of this kind'}, so nothing was sent: a request without it is another one than was sealed.`,
    );
}
