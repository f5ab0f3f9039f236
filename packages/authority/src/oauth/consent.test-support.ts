/** An app, a person with connections, and the way from the one to the other: for tests of the authorization code flow. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { sha256Base64url } from '@dauth/verify';
import type { Dial } from '../outside/dial.ts';
import { signedIn, type Browser } from '../people/browser.test-support.ts';
import { assertion, dpop, makeSigner, type Signer } from '../signer.test-support.ts';
import { CLIENT_DEFAULTS, type Client } from '../store/registry.ts';
import type { Connection } from '../store/connections.ts';
import { addServer, ISSUER, makeWorld, MCP, type TokenBody, type World } from '../world.test-support.ts';
import { seal, type Sealed } from '../sealed.test-support.ts';
import type { EnvelopePolicy } from '@dauth/protocol';

export const CALLBACK = 'https://app.example/callback';
export const VERIFIER = 'a'.repeat(43);
export const CHALLENGE = sha256Base64url(VERIFIER);
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export interface App {
  readonly id: string;
  readonly key: Signer;
  /** Its registered key, where it has one. */
  readonly authKey: Signer | null;
}

export interface Flow {
  readonly world: World;
  readonly app: App;
  readonly browser: Browser;
}

/** One server, one public app with an https redirect URI, and a person who is signed in. */
export async function makeFlow(change: Partial<Client> = {}, config: object = {}, dial: Dial = publish): Promise<Flow> {
  const world = await makeWorld({ config, dial });
  await addServer(world);
  return { world, app: addApp(world, change), browser: signedIn(world) };
}

/** The web, where every address holds the document of the app of that name. */
const publish: Dial = (url) => {
  const document = { client_id: url.href, client_name: 'an app', redirect_uris: [CALLBACK] };
  return Promise.resolve({
    ...{ status: 200, contentType: 'application/json', contentEncoding: undefined, cacheControl: undefined },
    body: (async function* () {
      yield Buffer.from(JSON.stringify(document));
    })(),
  });
};

export function addApp(world: World, change: Partial<Client> = {}): App {
  const key = makeSigner();
  const authKey = change.auth === 'private_key_jwt' ? makeSigner() : null;
  const client: Client = {
    ...CLIENT_DEFAULTS,
    ...{ client_id: randomUUID(), name: 'an app', auth: 'none', org: 'default', owner: null, scopes: null },
    ...{ jwk: authKey?.jwk ?? null, jkt: authKey?.jkt ?? null, redirect_uris: [CALLBACK] },
    ...{ grants: ['authorization_code', 'refresh_token'], created_at: world.clock.now },
    ...change,
  };
  world.store.transaction(() => world.store.registry.putClient(client));
  return { id: client.client_id, key, authKey };
}

/** A connection of the person, straight in the store. */
export function addConnection(world: World, change: Partial<EnvelopePolicy> = {}): Sealed {
  const sealed = seal(world, 'ada', makeSigner(), change);
  const { handle, envelope, seal_proof, policy } = sealed;
  const { now } = world.clock;
  const times = { created_at: now, updated_at: now, last_used_at: null, deleted_at: null };
  const { owner, org, connection: name, ver } = policy;
  const row: Connection = { ...{ handle, owner, org, name, status: 'active', ver }, ...times };
  const stored = { handle, ver, envelope, seal_proof, endorsements: [], trusted: [], reseal: null };
  world.store.transaction(() => world.store.connections.add(row, stored));
  return sealed;
}

export type Parameters = Readonly<Record<string, string | undefined>>;

/** Every parameter of a good request; `change` takes away with undefined. */
export function parameters({ app }: Pick<Flow, 'app'>, change: Parameters = {}): URLSearchParams {
  const all = {
    ...{ response_type: 'code', client_id: app.id, redirect_uri: CALLBACK, state: 'xyz', resource: MCP },
    ...{ scope: 'mcp:read', code_challenge: CHALLENGE, code_challenge_method: 'S256' },
    ...change,
  };
  return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

export function authorize(flow: Flow, change: Parameters = {}): Promise<Response> {
  return flow.browser.go(`/authorize?${parameters(flow, change).toString()}`);
}

/** `POST` of a form by the app itself, with what authenticates it. */
export async function post(
  { world, app }: Pick<Flow, 'world' | 'app'>,
  path: '/token' | '/par' | '/device_authorization' | '/revoke',
  form: URLSearchParams,
  { key = app.key, proof }: { key?: Signer; proof?: string | null } = {},
): Promise<Response> {
  const { now } = world.clock;
  form.set('client_id', app.id);
  if (app.authKey !== null) {
    form.set('client_assertion_type', ASSERTION);
    form.set(
      'client_assertion',
      assertion(app.authKey, { iss: app.id, sub: app.id, aud: ISSUER, iat: now, exp: now + 60 }),
    );
  }
  const signed = proof === undefined ? dpop(key, { htm: 'POST', htu: `${ISSUER}${path}`, iat: now }) : proof;
  return world.app.request(path, { method: 'POST', headers: signed === null ? {} : { dpop: signed }, body: form });
}

/** What stands on the consent page: its boxes with whether they are ticked, and the name of the question. */
export function boxes({ browser }: Pick<Flow, 'browser'>): Readonly<Record<string, boolean>> {
  const found = browser.text.matchAll(/<input type="checkbox" name="([^"]+)" value="on"( checked)?>/g);
  return Object.fromEntries([...found].map(([, name, ticked]) => [name!, ticked !== undefined]));
}

export function askOf({ browser }: Pick<Flow, 'browser'>): string {
  const ask = /name="ask" value="([^"]+)"/.exec(browser.text)?.[1];
  assert.ok(ask !== undefined, browser.text);
  return ask;
}

/** Sends the page shown now as a browser would, with these boxes changed. */
export function answer(flow: Flow, change: Parameters = {}): Promise<Response> {
  const ticked = Object.entries(boxes(flow)).filter(([, isTicked]) => isTicked);
  const form = Object.fromEntries(ticked.map(([name]) => [name, 'on']));
  const fields = { ask: askOf(flow), decision: 'approve', duration: '30 days', ...form, ...change };
  return flow.browser.submit('/consent', fields);
}

/** What the app is told: the parameters of the redirect, or of the page that leads on after a form. */
export function told(response: Response, to = CALLBACK): Record<string, string> {
  const location = response.headers.get('location') ?? ledTo(response) ?? '';
  assert.equal(response.status, response.headers.has('refresh') ? 200 : 303, location);
  assert.ok(location.startsWith(to), location);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.match(response.headers.get('referrer-policy')!, /^(no-referrer|same-origin)$/);
  return Object.fromEntries(new URL(location).searchParams);
}

/** Where a page leads on by itself. */
export function ledTo(response: Response): string | undefined {
  return /^0;url=(.+)$/.exec(response.headers.get('refresh') ?? '')?.[1];
}

/** The whole way to a code: the request, the page, yes. */
export async function getCode(flow: Flow, change: Parameters = {}, ticks: Parameters = {}): Promise<string> {
  const page = await authorize(flow, change);
  assert.equal(page.status, 200, await page.clone().text());
  const { code } = told(await answer(flow, ticks), change.redirect_uri ?? CALLBACK);
  assert.ok(code !== undefined);
  return code;
}

export type Answer = TokenBody & { readonly refresh_token: string; readonly scope: string };

/** The form of a token request for a code. */
export function codeForm(code: string, change: Parameters = {}): URLSearchParams {
  const all = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...change };
  return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

export function refreshForm(refresh_token: string, change: Record<string, string> = {}): URLSearchParams {
  return new URLSearchParams({ grant_type: 'refresh_token', refresh_token, ...change });
}

export async function good<T = Answer>(response: Response | Promise<Response>, status = 200): Promise<T> {
  const answered = await response;
  const text = await answered.text();
  assert.equal(answered.status, status, text);
  return JSON.parse(text) as T;
}

/** From nothing to tokens. */
export async function getTokens(flow: Flow, change: Parameters = {}, ticks: Parameters = {}): Promise<Answer> {
  return good(post(flow, '/token', codeForm(await getCode(flow, change, ticks))));
}

/** A verifier and its challenge that no other test has. */
export function freshPkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: sha256Base64url(verifier) };
}
