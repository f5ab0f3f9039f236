/**
 * Which scopes a message needs, and which tools its sender may see. Works on JSON-RPC of both protocol eras.
 * Never guesses: a message that cannot be read needs the server's own scopes and is refused by the SDK behind.
 */
import { isObject } from '@dauth/protocol';
import type { Settings } from './config.ts';

const MAX_BATCH = 100;

/** All scopes needed by everything in one request body, in one list (MCP: one challenge per operation). */
export function neededScopes(settings: Settings, body: unknown): readonly string[] {
  const needed = new Set(settings.requiredScopes);
  for (const message of messages(body)) {
    if (message.method !== 'tools/call' || !isObject(message.params)) continue;
    for (const scope of settings.toolScopes.get(String(message.params.name)) ?? []) needed.add(scope);
  }
  return [...needed];
}

export function asksForTools(body: unknown): boolean {
  return messages(body).some((message) => message.method === 'tools/list');
}

function messages(body: unknown): readonly Record<string, unknown>[] {
  return (Array.isArray(body) ? body.slice(0, MAX_BATCH) : [body]).filter(isObject);
}

/** Takes tools out of a `tools/list` answer that the caller's scopes do not reach; JSON or an event stream. */
export function filterTools(
  settings: Settings,
  scopes: readonly string[],
  text: string,
  isEventStream: boolean,
): string {
  if (!isEventStream) return filterJson(settings, scopes, text);
  return text
    .split('\n')
    .map((line) => (line.startsWith('data:') ? `data: ${filterJson(settings, scopes, line.slice(5).trim())}` : line))
    .join('\n');
}

function filterJson(settings: Settings, scopes: readonly string[], text: string): string {
  if (text === '') return text;
  const answer: unknown = JSON.parse(text);
  for (const message of messages(answer)) {
    if (!isObject(message.result) || !Array.isArray(message.result.tools)) continue;
    const reachable = (tool: unknown) =>
      isObject(tool) && (settings.toolScopes.get(String(tool.name)) ?? []).every((scope) => scopes.includes(scope));
    (message.result as { tools: unknown[] }).tools = message.result.tools.filter(reachable);
  }
  return JSON.stringify(answer);
}
