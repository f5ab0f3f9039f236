/**
 * The upstream's process: a real HTTPS server before an emulated GitHub and Slack, plus hostile routes. Its front takes exactly
 * the tokens it was told on stdin, and those that it saw the emulated GitHub give to the App it was told of, and answers 401 to
 * every other; the emulators behind it, which would let strangers in as an admin, only ever see tokens of their own. What
 * reached the wire is told on stdout, never over HTTP.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createEmulator, type Emulator } from 'emulate';
import { json, serveHostile, splitTarget } from './hostile.ts';
import { freePort } from './process.ts';
import type { UpstreamSetup } from './upstream.ts';
import { WireRecorder } from './wire.ts';

/** What the emulators take instead of the real token. */
const INNER = { github: 'emulated-github-token', slack: 'xoxb-emulated-slack-token' };
const LOGIN = 'octocat';
const INSTALLATION = /^\/app\/installations\/\d+\/access_tokens$/;

interface Api {
  readonly emulator: Emulator;
  readonly port: number;
  /** What the emulator is shown in the place of each token that is taken, by the token's digest. */
  readonly taken: Map<string, string>;
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const setup = JSON.parse(String((await lines.next()).value)) as UpstreamSetup;

const server = createServer({ cert: setup.leaf.cert, key: setup.leaf.key });
const wire = new WireRecorder(server);
server.on('request', (request, response) => {
  serve(request, response).catch(() => response.destroy());
});
server.listen(setup.port ?? 0, '127.0.0.1');
await once(server, 'listening');
const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
const github = await startGithub(origin);
const slack = await startSlack(origin);
process.stdout.write(`${JSON.stringify({ event: 'listening', url: origin, login: LOGIN })}\n`);
await control();

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (await serveHostile(request, response)) return;
  const [path] = splitTarget(request.url ?? '/');
  const api = path.startsWith('/api/') ? slack : github;
  const sent = /^(?:Bearer|token) (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  // The emulator checks by itself what an App says who it is with.
  if (github !== undefined && setup.app !== undefined && request.method === 'POST' && INSTALLATION.test(path))
    return relay(request, response, github, sent, (answer) => takeIssued(github, answer));
  const inner = api?.taken.get(digest(sent));
  if (api === undefined || inner === undefined) {
    return json(response, 401, {
      message: 'Bad credentials',
      documentation_url: 'https://docs.github.com/rest',
      status: '401',
    });
  }
  relay(request, response, api, inner);
}

/** Passes a request on to an emulator, with what that takes in place of the caller's token. */
function relay(
  request: IncomingMessage,
  response: ServerResponse,
  { port }: Api,
  token: string,
  seen?: (answer: string) => void,
): void {
  const headers = { ...request.headers, authorization: `Bearer ${token}`, host: `localhost:${port}` };
  const inner = forward({ host: '127.0.0.1', port, method: request.method, path: request.url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (seen === undefined) return void answer.pipe(response);
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      const whole = Buffer.concat(chunks);
      if (answer.statusCode === 201) seen(whole.toString());
      response.end(whole);
    });
  });
  inner.on('error', () => response.destroy());
  request.pipe(inner);
}

function takeIssued({ taken }: Api, answer: string): void {
  const { token } = JSON.parse(answer) as { token: string };
  taken.set(digest(token), token);
}

/** Compared in place of the token: how long that takes says nothing about it. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function startGithub(baseUrl: string): Promise<Api | undefined> {
  const { app, tokens } = setup;
  if (tokens.github === undefined && app === undefined) return undefined;
  const seed = {
    tokens: { [INNER.github]: { login: LOGIN, scopes: ['repo', 'user'] } },
    github: {
      users: [{ login: LOGIN, name: 'Mona Octocat', email: 'octocat@github.example' }],
      repos: [
        {
          owner: LOGIN,
          name: 'hello-world',
          description: 'My first repository',
          language: 'TypeScript',
          auto_init: true,
        },
      ],
      ...(app === undefined ? {} : { apps: [seedApp(app)] }),
    },
  };
  const port = await freePort();
  const emulator = await createEmulator({ service: 'github', port, baseUrl, seed });
  return { emulator, port, taken: takenOf(tokens.github, INNER.github) };
}

function seedApp({ id, installation, privateKey }: NonNullable<UpstreamSetup['app']>): object {
  return {
    ...{ app_id: id, slug: 'reporter', name: 'Reporter', private_key: privateKey },
    permissions: { metadata: 'read', issues: 'write' },
    installations: [{ installation_id: installation, account: LOGIN, repository_selection: 'all' }],
  };
}

function takenOf(token: string | undefined, inner: string): Map<string, string> {
  return new Map(token === undefined ? [] : [[digest(token), inner]]);
}

async function startSlack(baseUrl: string): Promise<Api | undefined> {
  if (setup.tokens.slack === undefined) return undefined;
  const seed = {
    tokens: { [INNER.slack]: { login: LOGIN, scopes: ['chat:write', 'channels:read', 'users:read'] } },
    slack: {
      team: { name: 'Example', domain: 'example' },
      users: [{ name: LOGIN, real_name: 'Mona Octocat', email: 'octocat@github.example' }],
      channels: [{ name: 'general', topic: 'Everything' }],
    },
  };
  const port = await freePort();
  const emulator = await createEmulator({ service: 'slack', port, baseUrl, seed });
  return { emulator, port, taken: takenOf(setup.tokens.slack, INNER.slack) };
}

/** Commands on stdin: `{"get":"wire"}`. Ends with stdin. */
async function control(): Promise<void> {
  process.once('SIGTERM', () => void stop());
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    const { get, id } = JSON.parse(next.value) as { get: string; id: number };
    if (get !== 'wire') continue;
    const { connections, requests } = wire.snapshot();
    const sent = connections.map(({ raw, octets, servername }) => ({
      raw: raw.toString('base64'),
      octets,
      servername,
    }));
    process.stdout.write(`${JSON.stringify({ event: 'wire', id, connections: sent, requests })}\n`);
  }
  await stop();
}

async function stop(): Promise<void> {
  server.close();
  server.closeAllConnections();
  await Promise.all([github?.emulator.close(), slack?.emulator.close()]);
  process.exit(0);
}
