/** Local upstreams for tests: a certificate authority, TLS servers that say what they are told, raw sockets included. */
import { once } from 'node:events';
import { webcrypto } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer, type Server } from 'node:https';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import './reflect.test-support.ts';
import * as x509 from '@peculiar/x509';
import type { Origin } from '@dauth/protocol';

x509.cryptoProvider.set(webcrypto as never);
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** A throw-away certificate authority. */
export class TestCa {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.certificate = certificate;
  }

  static async create(): Promise<TestCa> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: 'CN=Test CA',
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 86_400_000),
      signingAlgorithm: EC,
      keys: keys as never,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    });
    return new TestCa(keys, certificate);
  }

  get pem(): string {
    return this.certificate.toString('pem');
  }

  /** An authority that this one signed for. */
  async subordinate(isAuthority = true): Promise<TestCa> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: '03',
      subject: `CN=Below ${this.certificate.subject.slice(3)}`,
      issuer: this.certificate.subject,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 86_400_000),
      signingAlgorithm: EC,
      publicKey: keys.publicKey as never,
      signingKey: this.#keys.privateKey as never,
      extensions: isAuthority ? [new x509.BasicConstraintsExtension(true, 0, true)] : [],
    });
    return new TestCa(keys, certificate);
  }

  /** Issues a server certificate. `names` are general names as the library writes them. */
  async issue(
    names: x509.JsonGeneralNames,
    options: { commonName?: string; expired?: boolean; keys?: webcrypto.CryptoKeyPair } = {},
  ): Promise<Identity> {
    const keys = options.keys ?? (await makeKeys());
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: '02',
      subject: `CN=${options.commonName ?? 'server'}`,
      issuer: this.certificate.subject,
      notBefore: new Date(Date.now() - 7_200_000),
      notAfter: new Date(Date.now() + (options.expired ? -3_600_000 : 86_400_000)),
      signingAlgorithm: EC,
      publicKey: keys.publicKey as never,
      signingKey: this.#keys.privateKey as never,
      extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    return {
      cert: certificate.toString('pem'),
      key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
    };
  }
}

export function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly origin: Origin;
  /** Sockets accepted so far. */
  readonly connections: () => number;
}

/** An HTTPS server on loopback under the name `localhost`. */
export async function serveHttps(
  identity: Identity,
  listener: RequestListener,
  options: TlsOptions & { readonly keepAliveTimeout?: number } = {},
  prepare: (server: Server) => void = () => undefined,
): Promise<TestServer> {
  // Longer than a socket of ours stays idle: on a slow machine a call would meet a server that is closing it.
  const server = createHttpsServer({ ...identity, keepAliveTimeout: 60_000, ...options }, listener);
  prepare(server);
  return started(server, 'localhost');
}

/** A TLS server that speaks whatever `talk` writes. */
export async function serveRaw(identity: Identity, talk: (socket: TLSSocket) => void): Promise<TestServer> {
  const server = createTlsServer(identity, (socket) => {
    socket.on('error', () => undefined);
    talk(socket);
  });
  return started(server as unknown as Server, 'localhost');
}

export async function started(server: Server, host: string): Promise<TestServer> {
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `https://${host}:${port}` as Origin,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
