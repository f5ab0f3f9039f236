/** The authority's pages in a real Chromium: from an app, over sign-in and consent, and back to the app wherever it goes on to. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Chromium, findChromium } from '../support/chromium.ts';
import { Person } from '../support/person.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const RESOURCE = 'https://mcp.example/mcp';
const ADA = { login: 'ada', password: 'a horse that counts to seven' };
const CHROMIUM = findChromium();

describe('the pages in Chromium', { timeout: 180_000, skip: CHROMIUM === undefined && 'no Chromium here' }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let app: Server;
  let home: string;
  let request: (change?: Record<string, string>) => URL;
  const arrivals: ((url: URL) => void)[] = [];

  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    await new Person(stack.ready.authority).setUp(stack.ready.first_run!, ADA);
    const port = await freePort();
    const callback = `http://127.0.0.1:${port}/callback`;
    // The same program under another name: for a browser another origin, as `www.` or a sign-in host would be.
    home = `http://localhost:${port}/home`;
    app = createServer((incoming, outgoing) => {
      const url = new URL(incoming.url ?? '/', home);
      if (url.pathname === '/callback') return void outgoing.writeHead(302, { location: `${home}${url.search}` }).end();
      outgoing.end('home');
      if (url.pathname === '/home') arrivals.shift()?.(url);
    });
    await new Promise<void>((resolve) => app.listen(port, resolve));
    const scope = ['--scope', 'mcp:use'];
    await stack.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', join(dir.path, 'server.jwk'), ...scope]);
    const add = [
      'clients',
      'add',
      '--name',
      'app',
      '--public',
      '--redirect-uri',
      callback,
      '--grant',
      'authorization_code',
    ];
    const { client_id } = await stack.dauth<{ client_id: string }>([...add, ...scope]);
    request = (change = {}) => {
      const all = {
        response_type: 'code',
        client_id,
        redirect_uri: callback,
        state: 'xyz',
        resource: RESOURCE,
        ...change,
      };
      const pkce = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' };
      return new URL(`${stack.ready.authority}/authorize?${new URLSearchParams({ ...all, ...pkce }).toString()}`);
    };
  });
  after(async () => {
    app?.close();
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  test('a yes and a no reach an app that leads on to another origin', async () => {
    await using browser = await Chromium.open(CHROMIUM!, join(dir.path, 'profile'));
    const arrival = (): Promise<URL | string> =>
      Promise.race([new Promise<URL>((resolve) => arrivals.push(resolve)), browser.refusal]);
    await browser.go(request());
    await browser.at('/sign-in');
    await browser.submit(ADA);
    await browser.at('/authorize');
    const yes = arrival();
    await browser.submit({});
    const back = await yes;
    assert.ok(back instanceof URL, String(back));
    assert.deepEqual([...back.searchParams.keys()].sort(), ['code', 'iss', 'state']);

    await browser.go(request({ prompt: 'consent' }));
    await browser.at('/authorize');
    const no = arrival();
    await browser.submit({}, 'button[value=deny]');
    const refused = await no;
    assert.ok(refused instanceof URL, String(refused));
    assert.equal(refused.searchParams.get('error'), 'access_denied');
    assert.deepEqual(browser.said, []);
  });
});
