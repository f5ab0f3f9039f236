/** Where hosts are tried that know the URL of a server alone: anybody may register, and ada has an account and a connection. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { startWorld, type World } from '../world/world.ts';
import { Person } from './person.ts';
import { freePort } from './process.ts';

export const ADA = { login: 'ada', password: 'a horse that counts to seven' };

export async function startHostWorld(dir: string): Promise<World> {
  const outside = { ca: [join(dir, 'ca.pem')], dangerouslyAllowLoopback: true };
  const world = await startWorld({ dir, authority: { clients: { registration: 'open' }, outside } });
  const { stack, upstream, resource, token } = world;
  await new Person(stack.ready.authority).setUp(stack.ready.first_run!, ADA);
  // What the operator sealed is the first person's.
  const where = ['--origin', upstream.origin, '--server', resource, '--method', 'GET', '--method', 'POST'];
  await stack.dauth(['connect', 'github', ...where], token);
  return world;
}

export interface Published extends Disposable {
  /** The https URL of the document, which is the id of its client. */
  readonly clientId: string;
}

/** A client that describes itself (draft-ietf-oauth-client-id-metadata-document). */
export async function publishClient({ stack }: World, metadata: object): Promise<Published> {
  const port = await freePort();
  const clientId = `https://localhost:${port}/client.json`;
  const document = JSON.stringify({ client_id: clientId, ...metadata });
  const { key, cert } = stack.leaf;
  const server = createServer({ key, cert }, (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(document),
  );
  await once(server.listen(port), 'listening');
  return { clientId, [Symbol.dispose]: () => void server.close() };
}
