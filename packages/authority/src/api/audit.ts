/** What was recorded, for the operator: the executors' journal lines and the operations on the authority itself. Never changed here. */
import { DAuthError } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import { authenticate } from './authenticate.ts';

const ADMIN = 'dauth:admin';
const PAGE = 100;
const MAX_RECORDS = 1_000;
/** Octets of journal lines in one answer; a record alone may have 16 KiB. */
const RECORDS_OCTETS = 524_288;

export function auditApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, config } = authority;

  app.get('/audit', (c) => {
    authenticate(authority, c, ADMIN);
    const after = readNumber(c.req.query('after'), 0);
    const limit = Math.min(readNumber(c.req.query('limit'), 100), MAX_RECORDS);
    const rows = store.audit.page(config.executor.identity, after, limit, RECORDS_OCTETS);
    return c.json({ records: rows.map((row) => row.line), next: rows.at(-1)?.seq ?? after });
  });

  app.get('/audit/operations', (c) => {
    authenticate(authority, c, ADMIN);
    const before = readNumber(c.req.query('cursor'), Number.MAX_SAFE_INTEGER);
    const rows = store.audit.operationsBefore(before, PAGE + 1);
    const items = rows.slice(0, PAGE).map(({ id, time, actor, asOperator, action, subject }) => ({
      ...{ id, time, actor, as_operator: asOperator, action, subject },
    }));
    return c.json({ items, next: rows.length > PAGE ? String(items.at(-1)!.id) : null });
  });
}

function readNumber(value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!/^[0-9]{1,15}$/.test(value))
    throw new DAuthError('INVALID_REQUEST', 'A number in the query is not a whole number.');
  return Number(value);
}
