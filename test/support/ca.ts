/** A throw-away certificate authority for tests and the demo: root and leaves as PEM. Never trusted by anything it was not handed to. */
import { webcrypto } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import './reflect.ts';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as never);

const KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;

/** A server's certificate with its private key, both PEM. */
export interface Leaf {
  readonly cert: string;
  readonly key: string;
}

export interface TestCa {
  /** PEM of the root certificate. */
  readonly root: string;
  /** Issues a leaf for DNS names and addresses, valid for a day. Default: `localhost`, `127.0.0.1`, `::1`. */
  issue(names?: readonly string[]): Promise<Leaf>;
  /** Issues a client's certificate, by which it says who it is. */
  issueClient(commonName: string): Promise<Leaf>;
}

/** Where `writeCa` put its files. */
export interface CaFiles {
  readonly root: string;
  readonly cert: string;
  readonly key: string;
}

type KeyPair = webcrypto.CryptoKeyPair;

/** Makes a certificate authority in memory. Its name is its own: of two with one name only the first would be looked at. */
export async function createCa(commonName = `DAuth test CA ${serial()}`): Promise<TestCa> {
  const keys = await makeKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${commonName}`,
    ...validity(),
    signingAlgorithm: KEY,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return {
    root: `${root.toString('pem')}\n`,
    issue: (names = ['localhost', '127.0.0.1', '::1']) =>
      issueLeaf(root, keys, 'test server', [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
        ),
      ]),
    issueClient: (commonName) =>
      issueLeaf(root, keys, commonName, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]),
  };
}

/** Makes a certificate authority and one leaf, written to `directory` as `ca.pem`, `server.pem` and `server.key` (0600). */
export async function writeCa(directory: string, names?: readonly string[]): Promise<CaFiles> {
  await mkdir(directory, { recursive: true });
  const ca = await createCa();
  const leaf = await ca.issue(names);
  const files = {
    root: join(directory, 'ca.pem'),
    cert: join(directory, 'server.pem'),
    key: join(directory, 'server.key'),
  };
  await writeFile(files.root, ca.root);
  await writeFile(files.cert, leaf.cert);
  await writeFile(files.key, leaf.key, { mode: 0o600 });
  return files;
}

async function issueLeaf(
  root: x509.X509Certificate,
  rootKeys: KeyPair,
  commonName: string,
  extensions: readonly x509.Extension[],
): Promise<Leaf> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${commonName}`,
    issuer: root.subject,
    ...validity(),
    signingAlgorithm: KEY,
    publicKey: keys.publicKey as never,
    signingKey: rootKeys.privateKey as never,
    extensions: [new x509.BasicConstraintsExtension(false, undefined, true), ...extensions],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

async function makeKeys(): Promise<KeyPair> {
  return (await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])) as KeyPair;
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - HOUR), notAfter: new Date(Date.now() + 24 * HOUR) };
}

function serial(): string {
  // A positive integer: the first octet stays below 0x80 (RFC 5280 §4.1.2.2).
  return `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;
}
