/** Clients, servers, grants and revocations over HTTP. Keys come in as public JWKs; a private member is refused unread. */
import {
  DAuthError,
  distinct,
  exactObject,
  integer,
  list,
  parseResource,
  REVOCABLE,
  text,
  type Revocable,
} from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import type { Hono } from 'hono';
import { signingJwk } from '../config.ts';
import type { Authority } from '../context.ts';
import { readJson, type HttpEnv } from '../http.ts';
import { EXCHANGE, GRANTS } from '../oauth/token.ts';
import type { Client, Grant } from '../store/registry.ts';
import { authenticate, type Caller } from './authenticate.ts';

const ADMIN = 'dauth:admin';
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

export function registryApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, config } = authority;
  const note = (caller: Caller, action: string, subject: string, asOperator = true) => {
    store.audit.note({ time: authority.now(), actor: caller.clientId, asOperator, action, subject });
    authority.log({ event: action, client_id: caller.clientId, subject });
  };

  app.post('/clients', async (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const body = exactObject(await readJson(c), 'A client', ['name', 'jwk'], ['grants', 'owner', 'org', 'scopes']);
    const grants =
      body.grants === undefined
        ? ['client_credentials']
        : list(body.grants, '"grants"', 1, 4, (item) => text(item, 'A grant type', 128));
    if (!grants.every((grant) => GRANTS.has(grant) && grant !== EXCHANGE))
      throw new DAuthError('INVALID_REQUEST', 'A client may use the grant type client_credentials.');
    const client = newClient(authority, {
      ...{ name: text(body.name, '"name"', 128), jwk: signingJwk(body.jwk), grants },
      owner: body.owner === undefined ? null : text(body.owner, '"owner"', 256),
      org: body.org === undefined ? config.org : text(body.org, '"org"', 128),
      scopes: body.scopes === undefined ? null : list(body.scopes, '"scopes"', 0, 64, parseScope),
    });
    store.transaction(() => {
      store.registry.putClient(client);
      note(caller, 'client.add', client.client_id);
    });
    return c.json(client, 201);
  });

  app.get('/clients', (c) => {
    authenticate(authority, c, ADMIN);
    return c.json({ items: store.registry.clients(), next: null });
  });

  app.post('/servers', async (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const body = exactObject(await readJson(c), 'A server', ['resource', 'jwk'], ['scopes', 'org']);
    const resource = parseResource(body.resource);
    const scopes =
      body.scopes === undefined ? [] : distinct(list(body.scopes, '"scopes"', 0, 256, parseScope), '"scopes"', String);
    if (resource === config.issuer || resource === config.executor.resource)
      throw new DAuthError('CONFLICT', 'That resource is a part of this installation.');
    const org = body.org === undefined ? config.org : text(body.org, '"org"', 128);
    const client = newClient(authority, {
      name: resource.slice(0, 128),
      jwk: signingJwk(body.jwk),
      grants: [EXCHANGE],
      owner: null,
      org,
      scopes: [],
    });
    store.transaction(() => {
      store.registry.putClient(client);
      const server = { resource, client_id: client.client_id, scopes, org, created_at: client.created_at };
      if (!store.registry.addServer(server))
        throw new DAuthError('CONFLICT', 'That resource belongs to a registered server already.');
      note(caller, 'server.add', resource);
    });
    return c.json({ resource, client_id: client.client_id, scopes }, 201);
  });

  app.get('/servers', (c) => {
    authenticate(authority, c, ADMIN);
    return c.json({ items: store.registry.servers(), next: null });
  });

  app.post('/grants', async (c) => {
    const caller = authenticate(authority, c, 'dauth:grants.write');
    const body = exactObject(await readJson(c), 'A grant', ['client_id', 'resource'], ['expires_in', 'owner']);
    const owner = body.owner === undefined ? caller.sub : text(body.owner, '"owner"', 256);
    if (owner !== caller.sub && !caller.isAdmin)
      throw new DAuthError('FORBIDDEN', 'Only the operator gives a grant for somebody else.');
    const client = store.registry.client(text(body.client_id, '"client_id"', 128));
    const resource = parseResource(body.resource);
    // Another organisation's are no different from none.
    const isHere = client?.org === caller.org && store.registry.server(resource)?.org === caller.org;
    if (!isHere) throw new DAuthError('NOT_FOUND', 'There is no such client or server.');
    const now = authority.now();
    const life = body.expires_in === undefined ? null : integer(body.expires_in, '"expires_in"', 1, 31_622_400);
    const grant: Grant = {
      ...{ id: authority.newId(), kind: 'runner', owner, org: caller.org, client_id: client!.client_id, resource },
      ...{ expires_at: life === null ? null : now + life, created_at: now },
    };
    store.transaction(() => {
      store.registry.addGrant(grant);
      note(caller, 'grant.add', grant.id, owner !== caller.sub);
    });
    return c.json(grant, 201);
  });

  app.get('/grants', (c) => {
    const caller = authenticate(authority, c, 'dauth:grants.write');
    return c.json({ items: store.registry.grants(caller.isAdmin ? null : caller, authority.now()), next: null });
  });

  app.delete('/grants/:id', (c) => {
    const caller = authenticate(authority, c, 'dauth:grants.write');
    const grant = store.registry.grant(c.req.param('id'));
    const isOwn = grant?.owner === caller.sub && grant.org === caller.org;
    if (grant === undefined || !(caller.isAdmin || isOwn)) throw new DAuthError('NOT_FOUND', 'There is no such grant.');
    store.transaction(() => {
      store.changes.revoke('grant', grant.id, authority.now());
      note(caller, 'grant.revoke', grant.id, !isOwn);
    });
    return c.body(null, 204);
  });

  app.post('/revocations', async (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const body = exactObject(await readJson(c), 'A revocation', ['what', 'id']);
    if (!REVOCABLE.includes(body.what as Revocable))
      throw new DAuthError('INVALID_REQUEST', `"what" must be one of ${REVOCABLE.join(', ')}.`);
    const id = text(body.id, '"id"', 512);
    store.transaction(() => {
      store.changes.revoke(body.what as Revocable, id, authority.now());
      note(caller, `revoke.${body.what as Revocable}`, id);
    });
    return c.json({ what: body.what, id, revision: store.changes.revision() }, 201);
  });

  app.get('/whoami', (c) => c.json(authenticate(authority, c)));

  app.get('/audit', (c) => {
    authenticate(authority, c, ADMIN);
    const after = readNumber(c.req.query('after'), 0);
    const limit = Math.min(readNumber(c.req.query('limit'), 100), 1_000);
    const rows = store.audit.page(config.executor.identity, after, limit);
    return c.json({ records: rows.map((row) => row.line), next: rows.at(-1)?.seq ?? after });
  });
}

function newClient(authority: Authority, of: Omit<Client, 'client_id' | 'jkt' | 'created_at'>): Client {
  return { client_id: authority.newId(), ...of, jkt: thumbprint(of.jwk), created_at: authority.now() };
}

function parseScope(value: unknown): string {
  if (typeof value !== 'string' || !SCOPE.test(value))
    throw new DAuthError('INVALID_REQUEST', 'A scope is 1 to 128 visible characters without quotes.');
  return value;
}

function readNumber(value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!/^[0-9]{1,15}$/.test(value))
    throw new DAuthError('INVALID_REQUEST', 'A number in the query is not a whole number.');
  return Number(value);
}
