/** People over HTTP: an operator says who may come, and gets a code to pass on. Never a password, in either direction. */
import { DAuthError, exactObject, text } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { readJson, type HttpEnv } from '../http.ts';
import { parseEmail, parseLogin, parseName } from '../people/details.ts';
import { invite, INVITE_PATH } from '../people/invite.ts';
import { asPage, PAGE, parseCursor } from '../store/page.ts';
import { authenticate, writeAs } from './authenticate.ts';

const ADMIN = 'dauth:admin';

export function usersApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, config } = authority;

  app.post('/users', async (c) => {
    const caller = authenticate(authority, c, ADMIN);
    const body = exactObject(await readJson(c), 'A user', ['login'], ['name', 'email', 'owner', 'org', 'role']);
    const { role = 'member' } = body;
    if (role !== 'admin' && role !== 'member')
      throw new DAuthError('INVALID_REQUEST', '"role" must be one of admin, member.');
    const login = parseLogin(body.login);
    const of = {
      ...({
        sub: body.owner === undefined ? authority.newId() : text(body.owner, '"owner"', 256),
        login,
        role,
      } as const),
      name: body.name === undefined ? null : parseName(body.name),
      email: body.email === undefined ? null : parseEmail(body.email),
      org: body.org === undefined ? config.org : text(body.org, '"org"', 128),
    };
    const { code, expiresAt } = writeAs(authority, caller, () => {
      const invited = invite(authority, of);
      const action = 'user.invite';
      store.audit.note({ time: authority.now(), actor: caller.clientId, asOperator: true, action, subject: of.sub });
      authority.log({ event: action, client_id: caller.clientId, subject: of.sub });
      return invited;
    });
    return c.json({ ...of, code, url: `${config.issuer}${INVITE_PATH}`, expires_at: expiresAt }, 201);
  });

  app.get('/users', (c) => {
    authenticate(authority, c, ADMIN);
    const rows = store.people.users(parseCursor(c.req.query('cursor')), PAGE + 1);
    return c.json(asPage(rows, (user) => user.sub));
  });
}
