/**
 * Rotation of the signing keys, on the operator's word or by age, and what is tidied up after one. Never without its note
 * in the log of operations, and never a gap: the next key is published before it signs (../key-ring.ts).
 */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import type { Rotation } from '../key-ring.ts';
import { placeOf } from '../log.ts';
import { authenticate, writeAs } from './authenticate.ts';

export function keysApi(app: Hono<HttpEnv>, authority: Authority): void {
  app.post('/keys/rotate', (c) => {
    const caller = authenticate(authority, c, 'dauth:admin');
    const { kid, from, isNew } = writeAs(authority, caller, () => rotate(authority, caller.clientId, true));
    return c.json({ kid, signs_from: from }, isNew ? 201 : 200);
  });
}

/** What the process does every now and then: replaces a key that is old enough, and forgets those that are done. */
export function tendKeys(authority: Authority): void {
  const { key, store, log } = authority;
  try {
    key.tidy();
    if (key.isDue()) store.transaction(() => rotate(authority, 'authority', false));
  } catch (error) {
    // The key that is there goes on signing; the next time may find a disk that takes the file.
    log({ event: 'keys.failed', at: placeOf(error) });
  }
}

function rotate({ key, store, now, log }: Authority, actor: string, asOperator: boolean): Rotation {
  return key.rotate((subject) => {
    store.audit.note({ time: now(), actor, asOperator, action: 'keys.rotate', subject });
    log({ event: 'keys.rotate', client_id: actor, kid: subject });
  });
}
