/** A browser for tests: keeps cookies, sends forms as a browser does, and reads what a page says. Runs no script: pages have none. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { sha256Base64url } from '@dauth/verify';
import type { User } from '../store/people.ts';
import { ISSUER, type World } from '../world.test-support.ts';

export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #world: World;
  /** The page shown now. */
  text = '';

  constructor(world: World) {
    this.#world = world;
  }

  go(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return this.#send(path, { headers });
  }

  /** Sends the form of the page shown now; `headers` and `fields` with undefined take something away. */
  submit(
    path: string,
    fields: Readonly<Record<string, string | undefined>>,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Response> {
    const csrf = /name="csrf" value="([^"]*)"/.exec(this.text)?.[1];
    const body = new URLSearchParams(defined({ csrf, ...fields }));
    return this.#send(path, { method: 'POST', body, headers: defined({ origin: ISSUER, ...headers }) });
  }

  async #send(
    path: string,
    init: Omit<RequestInit, 'headers'> & { headers: Record<string, string> },
  ): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html,*/*;q=0.8', ...(cookie === '' ? {} : { cookie }), ...init.headers };
    const response = await this.#world.app.request(path, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/Max-Age=0/.test(line)) this.cookies.delete(name!);
      else this.cookies.set(name!, value!);
    }
    this.text = await response.clone().text();
    return response;
  }
}

function defined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

export const PERSON: User = {
  ...{ sub: 'ada', org: 'default', login: 'ada', name: 'Ada Lovelace', email: 'ada@example.org' },
  ...{ role: 'member', created_at: 1 },
};

/** A person who is signed in, straight in the store: nothing about signing in is tried here. */
export function signedIn(world: World, change: Partial<User> = {}): Browser {
  const { store, clock } = world;
  const user = { ...PERSON, ...change };
  const secret = randomBytes(32).toString('base64url');
  const times = { created_at: clock.now, seen_at: clock.now, expires_at: clock.now + 43_200 };
  assert.ok(store.people.user(user.sub) !== undefined || store.people.addUser(user, 'no password opens this'));
  store.people.addSession(sha256Base64url(secret), { sub: user.sub, ...times });
  const browser = new Browser(world);
  browser.cookies.set('__Host-dauth-session', secret);
  return browser;
}

/** Asserts a page that refuses: its status, its sentence, and that it is a page. */
export async function assertRefusalPage(response: Response, status: number, sentence: string): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.ok(text.includes(`<p role="alert">${sentence}</p>`), text);
  assert.ok(text.includes(response.headers.get('dauth-request-id')!), text);
}
