/** What the executor alone may ask: envelopes, the status stream, and where its journal goes. */
import { DAuthError, decodeUtf8, LIMITS, parseHandle, parseJson } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { assertType, readBody, type HttpEnv } from '../http.ts';
import { authenticateExecutor } from './authenticate.ts';
import { collectRecords } from './records.ts';
import { statusStream } from './status.ts';

/** Records come in by the thousand. */
const MAX_RECORDS_BODY = 8 * LIMITS.jsonBody;

export function executorApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store } = authority;
  app.get('/executor/envelopes/:handle', (c) => {
    authenticateExecutor(authority, c);
    const row = store.connections.find(parseHandle(c.req.param('handle')));
    const stored = row === undefined || row.deleted_at !== null ? undefined : store.connections.envelope(row.handle, row.ver);
    if (row === undefined || stored === undefined) throw new DAuthError('CONNECTION_NOT_FOUND');
    const { envelope, seal_proof, endorsements } = stored;
    return c.json({ envelope, seal_proof, endorsements, ver: row.ver, status: row.status, revision: store.changes.revision() });
  });

  app.get('/executor/status', (c) => {
    const sid = authenticateExecutor(authority, c);
    const since = c.req.query('since') ?? '0';
    if (!/^[0-9]{1,15}$/.test(since)) throw new DAuthError('INVALID_REQUEST', '"since" must be a revision.');
    return c.body(statusStream(authority, sid, Number(since)), 200, { 'content-type': 'text/plain; charset=utf-8' });
  });

  app.post('/executor/records', async (c) => {
    assertType(c, 'application/json');
    const body = await readBody(c, MAX_RECORDS_BODY);
    authenticateExecutor(authority, c, body);
    collectRecords(authority, parseJson(decodeUtf8(body), MAX_RECORDS_BODY));
    return c.body(null, 204);
  });
}
