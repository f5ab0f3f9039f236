/**
 * Which scopes a message needs. Works on JSON-RPC of both protocol eras.
 * Never guesses: a tool call that does not name its tool plainly, and a batch too large to look at whole, are refused.
 */
import { DAuthError, isObject } from '@dauth/protocol';
import type { Settings } from './config.ts';

/** Messages in one batch; the SDK's own bound. */
const MAX_BATCH = 100;

/**
 * All scopes needed by everything in one request body, in one list (MCP: one challenge per operation).
 * @throws DAuthError `INVALID_REQUEST`
 */
export function neededScopes(settings: Settings, body: unknown): readonly string[] {
  const needed = new Set(settings.requiredScopes);
  for (const message of messagesOf(body)) {
    if (message.method !== 'tools/call') continue;
    const name = isObject(message.params) ? message.params.name : undefined;
    // An object would be turned into a text by whoever looks it up, and half a character be left out: each in its own way.
    if (typeof name !== 'string' || !name.isWellFormed())
      throw new DAuthError('INVALID_REQUEST', 'A tools/call must name its tool as a string.');
    for (const scope of settings.toolScopes.get(name) ?? []) needed.add(scope);
  }
  return [...needed];
}

function messagesOf(body: unknown): readonly Record<string, unknown>[] {
  if (Array.isArray(body) && body.length > MAX_BATCH)
    throw new DAuthError('INVALID_REQUEST', `A batch has at most ${MAX_BATCH} messages.`);
  return (Array.isArray(body) ? body : [body]).filter(isObject);
}
