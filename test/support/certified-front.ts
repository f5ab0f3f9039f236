/**
 * A server of Node's for tests that takes only clients with a certificate of one authority, and answers with whom it takes them
 * for: there wherever the tests run, and stricter than nginx, for it ends the connection of anybody else.
 */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Leaf } from './ca.ts';
import type { CertifiedFront } from './nginx.ts';

/** @param clients PEM of the authority whose certificates it takes */
export async function startCertifiedFront(leaf: Leaf, clients: string): Promise<CertifiedFront> {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: [clients] };
  const server = createServer({ ...leaf, ...asks }, ({ socket, headers }, response) => {
    const { subject } = (socket as TLSSocket).getPeerCertificate();
    response.setHeader('content-type', 'text/plain');
    response.end(`CN=${subject.CN} SUCCESS ${headers.authorization ?? ''}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
