/** The two questions about a token, asked as a client asks them: a form with its own proof in it. */
import assert from 'node:assert/strict';
import { tokenForm, type Party, type World } from '../world.test-support.ts';

type Change = Readonly<Record<string, string | undefined>>;

/** `POST /revoke` or `/introspect` by this client, with everything right; `change` changes the form. */
export async function ask(
  world: World,
  party: Party,
  path: '/revoke' | '/introspect',
  change: Change,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const body = tokenForm(world, party, { grant_type: undefined, ...change });
  return world.app.request(path, { method: 'POST', headers, body });
}

/** What introspection says of a token, as octets and as members. */
export async function introspect(world: World, party: Party, token: string): Promise<Record<string, unknown>> {
  const answer = await ask(world, party, '/introspect', { token });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  return JSON.parse(text) as Record<string, unknown>;
}
