/** A door opens and closes: nobody is turned away in the middle of a call before its time. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address } from '../config.ts';
import type { OpenCalls } from '../open-calls.ts';

/** Takes callers from here on; the bound address. */
export function listening(server: Server, { host, port }: Address): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Takes no more callers, and lets the calls that are open end within the bound, in milliseconds. */
export async function drain(server: Server, calls: OpenCalls, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => {
    calls.endAll('The executor is stopping.');
    server.closeAllConnections();
  }, drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
