/** Connections over HTTP: store, list, get, suspend, resume, revoke, rotate, delete. There is no way to read a credential. */
import {
  DAuthError,
  exactObject,
  LIMITS,
  parseEndorsements,
  parseEnvelope,
  parseHandle,
  text,
  type ConnectionStatus,
} from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { readJson, type HttpContext, type HttpEnv } from '../http.ts';
import { checkIntake, checkRotation, type Intake, type Submission } from '../intake.ts';
import type { Connection } from '../store/connections.ts';
import { authenticate, writeAs, type Caller } from './authenticate.ts';
import { redeemCode } from './redeem.ts';
import { TryLimit, tryEnvelope } from './try.ts';

const READ = 'dauth:connections.read';
const WRITE = 'dauth:connections.write';
const PAGE = 100;

export function connectionsApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store } = authority;
  const tries = new TryLimit();

  /** Checks, asks the executor where that was wished, then checks again and stores in one transaction. */
  const take = async (
    caller: Caller,
    submission: Submission,
    wantsTry: boolean,
    check: () => Intake,
    noteIt: () => void,
  ): Promise<Intake> => {
    if (wantsTry) {
      tries.count(check().envelope.header.dauth, authority.now());
      await tryEnvelope(authority, submission.envelope);
    }
    return writeAs(authority, caller, () => {
      const intake = check();
      intake.store();
      if (!intake.repeated) noteIt();
      return intake;
    });
  };

  app.post('/connections', async (c) => {
    const caller = authenticate(authority, c, WRITE);
    const { submission, wantsTry } = readSubmission(await readJson(c));
    const { dauth } = parseEnvelope(submission.envelope).header;
    const asOperator = caller.isAdmin && dauth.owner !== caller.sub;
    const subject = asOperator ? { sub: dauth.owner, org: dauth.org } : caller;
    const directory = await authority.directory.directory();
    const check = () => checkIntake(authority, directory, submission, subject);
    const { repeated } = await take(caller, submission, wantsTry, check, () =>
      note(authority, caller, asOperator, 'connection.create', dauth.handle),
    );
    return c.json(taken(authority, store.connections.find(dauth.handle)!), repeated ? 200 : 201);
  });

  app.get('/connections', (c) => {
    const caller = authenticate(authority, c, READ);
    const after = c.req.query('cursor');
    const rows = store.connections.page(
      caller.isAdmin ? null : caller,
      after === undefined ? '' : parseHandle(after),
      PAGE + 1,
    );
    const items = rows.slice(0, PAGE);
    if (items.some((row) => row.owner !== caller.sub)) noteRead(authority, caller, 'connection.list', after ?? '*');
    return c.json({
      items: items.map((row) => view(authority, row)),
      next: rows.length > PAGE ? items.at(-1)!.handle : null,
    });
  });

  app.get('/connections/:handle', (c) => {
    const caller = authenticate(authority, c, READ);
    const row = find(authority, caller, c);
    if (row.owner !== caller.sub) noteRead(authority, caller, 'connection.get', row.handle);
    const { envelope, seal_proof, endorsements, reseal } = store.connections.envelope(row.handle, row.ver)!;
    // What the policy was sealed in: a client that seals again believes this after checking it, and nothing else of the view.
    return c.json({
      ...{ ...view(authority, row), envelope, seal_proof },
      ...(endorsements.length > 0 && { endorsements }),
      ...(reseal !== null && { reseal }),
    });
  });

  const move = (verb: string, from: readonly ConnectionStatus[], to: ConnectionStatus) =>
    app.post(`/connections/:handle/${verb}`, (c) => {
      const caller = authenticate(authority, c, WRITE);
      writeAs(authority, caller, () => {
        const row = find(authority, caller, c);
        if (row.status === to) return;
        if (row.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');
        if (!from.includes(row.status))
          throw new DAuthError('CONFLICT', `A connection that is ${row.status} cannot do this.`);
        store.connections.setStatus(row.handle, to, row.ver, authority.now());
        note(authority, caller, row.owner !== caller.sub, `connection.${verb}`, row.handle);
      });
      return c.json(view(authority, find(authority, caller, c)));
    });
  // Not from needs_reauthorization: resuming would claim that the credential works again.
  move('suspend', ['active'], 'suspended');
  move('resume', ['suspended'], 'active');
  move('revoke', ['active', 'suspended', 'needs_reauthorization'], 'revoked');

  app.post('/connections/:handle/rotate', async (c) => {
    const caller = authenticate(authority, c, WRITE);
    const { submission, wantsTry } = readSubmission(await readJson(c));
    const current = () => find(authority, caller, c);
    const { handle, owner } = current();
    const directory = await authority.directory.directory();
    const check = () => checkRotation(authority, directory, submission, current());
    await take(caller, submission, wantsTry, check, () =>
      note(authority, caller, owner !== caller.sub, 'connection.rotate', handle),
    );
    return c.json(taken(authority, current()));
  });

  // What is done with a code has to be done while it lives: by the owner, as soon as it is stored (§2.6).
  app.post('/connections/:handle/redeem', async (c) => {
    const caller = authenticate(authority, c, WRITE);
    const row = find(authority, caller, c);
    tries.count(row, authority.now());
    writeAs(authority, caller, () =>
      note(authority, caller, row.owner !== caller.sub, 'connection.redeem', row.handle),
    );
    await redeemCode(authority, store.connections.envelope(row.handle, row.ver)!);
    return c.json(view(authority, find(authority, caller, c)));
  });

  app.delete('/connections/:handle', (c) => {
    const caller = authenticate(authority, c, WRITE);
    writeAs(authority, caller, () => {
      const row = find(authority, caller, c);
      store.connections.bury(row.handle, row.ver, authority.now());
      note(authority, caller, row.owner !== caller.sub, 'connection.delete', row.handle);
    });
    return c.body(null, 204);
  });
}

/** A connection of the caller; another owner's, a tombstone and an unknown handle are one answer. */
function find(authority: Authority, caller: Caller, c: HttpContext): Connection {
  const row = authority.store.connections.find(parseHandle(c.req.param('handle')));
  const isVisible =
    row !== undefined &&
    row.deleted_at === null &&
    (caller.isAdmin || (row.owner === caller.sub && row.org === caller.org));
  if (!isVisible) throw new DAuthError('CONNECTION_NOT_FOUND', 'There is no such connection among those you may see.');
  return row;
}

function view(authority: Authority, row: Connection): object {
  const { handle, owner, org, name, status, ver, created_at, updated_at, last_used_at } = row;
  const stored = authority.store.connections.envelope(handle, ver)!;
  const { kid, dauth } = parseEnvelope(stored.envelope).header;
  const { servers, allow, inject, pin, capture, captured } = dauth;
  return {
    ...{ handle, owner, org, name, status, ver, kid, servers, allow, inject, ...(pin === undefined ? {} : { pin }) },
    ...(capture === undefined ? {} : { captured_into: capture.into }),
    ...(captured === undefined ? {} : { captured_from: captured.from }),
    ...{ created_at, updated_at, last_used_at, expires_at: dauth.exp },
  };
}

/**
 * The answer to an envelope that was taken. A server that nobody registered may be a misspelt one, and nothing else would say
 * so before a call fails: its owner is told. No more than the token endpoint says to the same client (`invalid_target`).
 */
function taken(authority: Authority, row: Connection): object {
  const { envelope } = authority.store.connections.envelope(row.handle, row.ver)!;
  const { servers } = parseEnvelope(envelope).header.dauth;
  const unknown = servers.filter((resource) => authority.store.registry.server(resource)?.org !== row.org);
  return { ...view(authority, row), ...(unknown.length === 0 ? {} : { unknown_servers: unknown }) };
}

function readSubmission(value: unknown): { submission: Submission; wantsTry: boolean } {
  const body = exactObject(value, 'A sealed credential', ['envelope', 'seal_proof'], ['endorsements', 'try']);
  if (body.try !== undefined && typeof body.try !== 'boolean')
    throw new DAuthError('INVALID_REQUEST', '"try" must be true or false.');
  return {
    submission: {
      envelope: text(body.envelope, '"envelope"', LIMITS.envelope),
      seal_proof: text(body.seal_proof, '"seal_proof"', LIMITS.proof),
      ...(body.endorsements === undefined ? {} : { endorsements: parseEndorsements(body.endorsements) }),
    },
    wantsTry: body.try === true,
  };
}

/** The operator looked at what is not its own: an owner can ask who did (spec/storage.md). */
function noteRead(authority: Authority, caller: Caller, action: string, subject: string): void {
  authority.store.transaction(() => note(authority, caller, true, action, subject));
}

function note(authority: Authority, caller: Caller, asOperator: boolean, action: string, subject: string): void {
  authority.store.audit.note({ time: authority.now(), actor: caller.clientId, asOperator, action, subject });
  authority.log({ event: action, client_id: caller.clientId, handle: subject, as_operator: asOperator });
}
