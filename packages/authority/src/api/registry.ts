/** Clients, servers, grants and revocations over HTTP. Keys come in as public JWKs; a private member is refused unread. */
import {
  DAuthError,
  distinct,
  exactObject,
  integer,
  LIMITS,
  list,
  parseResource,
  parseSecureUrl,
  REVOCABLE,
  text,
  type Revocable,
} from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import type { Hono } from 'hono';
import { parseMetadata } from '../clients/metadata.ts';
import { signingJwk } from '../config.ts';
import { OPERATOR_ID, type Authority } from '../context.ts';
import { readJson, type HttpEnv } from '../http.ts';
import { EXCHANGE } from '../oauth/token.ts';
import { asPage, PAGE, parseCursor } from '../store/page.ts';
import type { Grant } from '../store/grants.ts';
import { CLIENT_DEFAULTS, type Client } from '../store/registry.ts';
import { authenticate, writeAs, type Caller } from './authenticate.ts';

const ADMIN = 'dauth:admin';
const CLIENT_MEMBERS = [
  ...['auth', 'jwk', 'grants', 'redirect_uris', 'owner', 'org', 'scopes'],
  ...['dpop_bound_access_tokens', 'dpop_nonces'],
];
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

export function registryApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, config } = authority;
  const note = (caller: Caller, action: string, subject: string, asOperator = true) => {
    store.audit.note({ time: authority.now(), actor: caller.clientId, asOperator, action, subject });
    authority.log({ event: action, client_id: caller.clientId, subject });
  };

  app.post('/clients', async (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const body = exactObject(await readJson(c), 'A client', ['name'], CLIENT_MEMBERS);
    const metadata = parseMetadata(body);
    if (metadata.auth === 'none' && body.owner !== undefined)
      throw new DAuthError('INVALID_REQUEST', 'A public client acts for the person who says yes; it has no owner.');
    const isBound = flag(body.dpop_bound_access_tokens, '"dpop_bound_access_tokens"', true);
    if (!isBound && config.bearerException === 'off')
      throw new DAuthError('CONFLICT', 'Tokens without a key are switched off here (bearerException).');
    const client = newClient(authority, {
      ...metadata,
      ...{ name: text(body.name, '"name"', 128), dpop_bound_access_tokens: isBound },
      dpop_nonces: flag(body.dpop_nonces, '"dpop_nonces"', false),
      owner: body.owner === undefined ? null : text(body.owner, '"owner"', 256),
      org: body.org === undefined ? config.org : text(body.org, '"org"', 128),
      scopes: body.scopes === undefined ? null : list(body.scopes, '"scopes"', 0, 64, parseScope),
    });
    writeAs(authority, caller, () => {
      store.registry.putClient(client);
      note(caller, 'client.add', client.client_id);
    });
    return c.json(client, 201);
  });

  app.get('/clients', (c) => {
    authenticate(authority, c, ADMIN);
    const rows = store.registry.clients(parseCursor(c.req.query('cursor')), PAGE + 1);
    return c.json(asPage(rows, (client) => client.client_id));
  });

  // One way only: whoever wants tokens without a key again says so in a new registration.
  app.post('/clients/:id/bind', (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const client = store.registry.client(c.req.param('id'));
    if (client === undefined) throw new DAuthError('NOT_FOUND', 'There is no such client.');
    const bound = { ...client, dpop_bound_access_tokens: true };
    writeAs(authority, caller, () => {
      store.registry.putClient(bound);
      note(caller, 'client.bind', client.client_id);
    });
    return c.json(bound);
  });

  app.post('/servers', async (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const body = exactObject(await readJson(c), 'A server', ['resource', 'jwk'], ['scopes', 'org']);
    const resource = parseSecureUrl(body.resource);
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
    writeAs(authority, caller, () => {
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
    const rows = store.registry.servers(parseCursor(c.req.query('cursor')), PAGE + 1);
    return c.json(asPage(rows, (server) => server.client_id));
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
      ...{ scopes: null, details: null, expires_at: life === null ? null : now + life, created_at: now },
    };
    const same = writeAs(authority, caller, () => {
      // Said twice is said once: a device that repeats itself leaves one row to see and to revoke.
      const known = store.grants.findSame(grant, now);
      if (known !== undefined) return known;
      store.grants.dropEnded(owner, grant.org, now);
      if (store.grants.count(owner, grant.org, now) >= LIMITS.grantsPerOwner)
        throw new DAuthError('CONFLICT', `An owner gives at most ${LIMITS.grantsPerOwner} grants; revoke some first.`);
      store.grants.add(grant);
      note(caller, 'grant.add', grant.id, owner !== caller.sub);
      return undefined;
    });
    return same === undefined ? c.json(grant, 201) : c.json(same);
  });

  app.get('/grants', (c) => {
    const caller = authenticate(authority, c, 'dauth:grants.write');
    const after = parseCursor(c.req.query('cursor'));
    const rows = store.grants.list(caller.isAdmin ? null : caller, authority.now(), after, PAGE + 1);
    return c.json(asPage(rows, (grant) => grant.id));
  });

  app.delete('/grants/:id', (c) => {
    const caller = authenticate(authority, c, 'dauth:grants.write');
    const grant = store.grants.get(c.req.param('id'));
    const isOwn = grant?.owner === caller.sub && grant.org === caller.org;
    if (grant === undefined || !(caller.isAdmin || isOwn)) throw new DAuthError('NOT_FOUND', 'There is no such grant.');
    writeAs(authority, caller, () => {
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
    if (body.what === 'client' && id === OPERATOR_ID) {
      const how = 'change its key in the configuration (operator.jwk) and start again.';
      throw new DAuthError('CONFLICT', `The operator cannot be revoked, or nobody could undo a mistake: ${how}`);
    }
    writeAs(authority, caller, () => {
      store.changes.revoke(body.what as Revocable, id, authority.now());
      note(caller, `revoke.${body.what as Revocable}`, id);
    });
    return c.json({ what: body.what, id, revision: store.changes.revision() }, 201);
  });

  app.get('/whoami', (c) => {
    const { sub, org, clientId, scope, isAdmin } = authenticate(authority, c);
    return c.json({ sub, org, clientId, scope, isAdmin });
  });
}

type Registration = Pick<Client, 'name' | 'jwk' | 'grants' | 'owner' | 'org' | 'scopes'> & Partial<Client>;

function newClient({ newId, now }: Authority, of: Registration): Client {
  const jkt = of.jwk === null ? null : thumbprint(of.jwk);
  return { client_id: newId(), ...CLIENT_DEFAULTS, ...of, jkt, created_at: now() };
}

function flag(value: unknown, what: string, fallback: boolean): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? fallback;
  throw new DAuthError('INVALID_REQUEST', `${what} must be true or false.`);
}

function parseScope(value: unknown): string {
  if (typeof value !== 'string' || !SCOPE.test(value))
    throw new DAuthError('INVALID_REQUEST', 'A scope is 1 to 128 visible characters without quotes.');
  return value;
}
