/**
 * JSON that two readers could read as two things: a member that stands there twice, and `__proto__`, however they are spelled.
 * Each endpoint that takes a document refuses them by one sentence, and nothing of the document happened.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertProblem } from '../refused.test-support.ts';
import { seal, submission } from '../sealed.test-support.ts';
import { dpop, makeSigner } from '../signer.test-support.ts';
import { addClient, addServer, call, getToken, ISSUER, makeWorld, MCP, type World } from '../world.test-support.ts';

const REFUSED = 'A JSON object has a duplicate or forbidden member.';
const SCOPES = 'dauth:connections.read dauth:connections.write dauth:grants.write';

/** A world, and how to post a text that no writer of JSON would write. */
async function scene(path: string) {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const by = path === '/clients' || path === '/servers' ? world.operator : client;
  const scope = by === client ? SCOPES : 'dauth:admin';
  const { access_token } = await getToken(world, by, { resource: ISSUER, scope });
  const post = async (body: string): Promise<Response> => {
    const proof = dpop(by.key, { htm: 'POST', htu: ISSUER + path, iat: world.clock.now, token: access_token });
    const headers = { authorization: `DPoP ${access_token}`, dpop: proof, 'content-type': 'application/json' };
    return world.app.request(path, { method: 'POST', headers, body });
  };
  const good: Readonly<Record<string, object>> = {
    '/connections': submission(seal(world, client.id, client.key)),
    '/clients': { name: 'another', jwk: makeSigner().jwk },
    '/servers': { resource: 'https://new.example/mcp', jwk: makeSigner().jwk },
    '/grants': { client_id: client.id, resource: MCP },
  };
  return { world, post, good: good[path]! };
}

/** How many there are, and how much the operator would read was done. */
async function stored(world: World, path: string): Promise<readonly number[]> {
  const counts = [];
  for (const list of [path, '/audit/operations']) {
    const { items } = (await (await call(world, world.operator, 'GET', list)).json()) as { items: unknown[] };
    counts.push(items.length);
  }
  return counts;
}

const escaped = (name: string): string => `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`;

for (const path of ['/connections', '/clients', '/servers', '/grants'])
  test(`[token.bound] POST ${path}: a member given twice and __proto__ are refused, and nothing is stored`, async () => {
    const { world, post, good } = await scene(path);
    const text = JSON.stringify(good);
    const [[name, value]] = Object.entries(good) as [[string, unknown]];
    const again = JSON.stringify(value);
    const bad = [
      ...[name, escaped(name)].flatMap((spelled) => [
        `{"${spelled}":${again},${text.slice(1)}`,
        `${text.slice(0, -1)},"${spelled}":"other"}`,
      ]),
      ...['__proto__', escaped('__proto__')].flatMap((spelled) => [
        `{"${spelled}":${text},${text.slice(1)}`,
        `${text.slice(0, -1)},"${spelled}":null}`,
      ]),
      // Deeper down, and in place of the whole.
      `${text.slice(0, -1)},"more":{"a":1,"a":1}}`,
      `${text.slice(0, -1)},"more":[{"__proto__":{}}]}`,
      `{"__proto__":${text}}`,
      ...('jwk' in good
        ? [text.replace('"kty"', '"kty":"oct","kty"'), text.replace('"kty"', '"__proto__":{},"kty"')]
        : []),
    ];
    const before = await stored(world, path);
    for (const body of bad) await assertProblem(await post(body), 400, 'INVALID_REQUEST', REFUSED);
    assert.deepEqual(await stored(world, path), before);
    assert.equal((await post(text)).status, 201, 'control');
  });
