/** What the executor alone may ask: envelopes, the status stream, and where its journal goes. */
import { DAuthError, decodeUtf8, parseEnvelope, parseHandle, parseJson } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { assertType, type HttpEnv } from '../http.ts';
import { authenticateExecutor, readExecutorBody } from './authenticate.ts';
import { collectRecords } from './records.ts';
import { resealApi } from './reseal.ts';
import { statusStream } from './status.ts';

/** Octets of a batch of records: 512 KiB of lines, each quote of them escaped. */
const MAX_RECORDS_BODY = 2_097_152;

export function executorApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, directory } = authority;
  app.get('/executor/envelopes/:handle', async (c) => {
    authenticateExecutor(authority, c);
    const { keys } = await directory.directory();
    const row = store.connections.find(parseHandle(c.req.param('handle')));
    const stored =
      row === undefined || row.deleted_at !== null ? undefined : store.connections.envelope(row.handle, row.ver);
    if (row === undefined || stored === undefined) throw new DAuthError('CONNECTION_NOT_FOUND');
    const { envelope, seal_proof, endorsements, reseal } = stored;
    // §6: only to the executor whose directory lists the key it was sealed to.
    const { kid } = parseEnvelope(envelope).header;
    if (!keys.some((key) => key.kid === kid)) throw new DAuthError('CONNECTION_NOT_FOUND');
    return c.json({
      envelope,
      seal_proof,
      endorsements,
      ...(reseal === null ? {} : { reseal }),
      ver: row.ver,
      status: row.status,
      revision: store.changes.revision(),
    });
  });

  app.get('/executor/status', (c) => {
    const sid = authenticateExecutor(authority, c);
    const since = c.req.query('since') ?? '0';
    if (!/^[0-9]{1,15}$/.test(since)) throw new DAuthError('INVALID_REQUEST', '"since" must be a revision.');
    // Proxies that gather an answer before passing it on would make every heartbeat late.
    return c.body(statusStream(authority, sid, Number(since)), 200, {
      'content-type': 'text/plain; charset=utf-8',
      'x-accel-buffering': 'no',
    });
  });

  app.post('/executor/records', async (c) => {
    assertType(c, 'application/json');
    const body = await readExecutorBody(authority, c, MAX_RECORDS_BODY);
    collectRecords(authority, parseJson(decodeUtf8(body), MAX_RECORDS_BODY));
    return c.body(null, 204);
  });

  resealApi(app, authority);
}
