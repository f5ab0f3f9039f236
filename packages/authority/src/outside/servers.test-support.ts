/** A throw-away certificate authority and https servers on loopback, for the tests of what is fetched from outside. */
import { webcrypto } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** The metadata functions that the certificate library's injector asks `Reflect` for; it has to find them when it loads. */
const metadata = new WeakMap<object, Map<unknown, unknown>>();
const get = (key: unknown, target: object): unknown => metadata.get(target)?.get(key);
Object.assign(Reflect, {
  getMetadata: get,
  getOwnMetadata: get,
  defineMetadata(key: unknown, value: unknown, target: object): void {
    metadata.set(target, (metadata.get(target) ?? new Map<unknown, unknown>()).set(key, value));
  },
});
const x509 = await import('@peculiar/x509');
x509.cryptoProvider.set(webcrypto as never);

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;

export interface Identity {
  readonly key: string;
  readonly cert: string;
}

export interface TestCa {
  readonly pem: string;
  /** A certificate for DNS names, valid for a day unless it has expired. */
  issue(names: readonly string[], options?: { commonName?: string; expired?: boolean }): Promise<Identity>;
}

export async function createCa(): Promise<TestCa> {
  const keys = await makeKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: '01', name: `CN=Test CA ${Date.now()}`, ...validity(24 * HOUR) },
    ...{ signingAlgorithm: EC, keys: keys as never },
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  return {
    pem: root.toString('pem'),
    async issue(names, { commonName = 'server', expired = false } = {}) {
      const own = await makeKeys();
      const san = new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })));
      const leaf = await x509.X509CertificateGenerator.create({
        ...{ serialNumber: '02', subject: `CN=${commonName}`, issuer: root.subject },
        ...validity(expired ? -HOUR : HOUR),
        ...{ signingAlgorithm: EC, publicKey: own.publicKey as never, signingKey: keys.privateKey as never },
        extensions: names.length > 0 ? [san] : [],
      });
      const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64');
      return {
        cert: leaf.toString('pem'),
        key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
      };
    },
  };
}

/** An https server on a loopback address. @returns its port, and how to end it */
export async function serve(
  identity: Identity,
  listener: RequestListener,
  host = '127.0.0.1',
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer({ ...identity }, listener);
  await new Promise<void>((listening) => server.listen(0, host, listening));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

function validity(ms: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() + ms) };
}
