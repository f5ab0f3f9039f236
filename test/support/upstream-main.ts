/**
 * The upstream's process: a real HTTPS server before an emulated GitHub and Slack, plus hostile routes. Its front takes exactly
 * the tokens it was told on stdin and answers 401 to every other; the emulators behind it, which would let strangers in as an
 * admin, only ever see tokens of their own. What reached the wire is told on stdout, never over HTTP.
 */
import { timingSafeEqual, createHash } from 'node:crypto';
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

interface Api {
  readonly emulator: Emulator;
  readonly port: number;
  readonly token: string;
  readonly innerToken: string;
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
  if (api === undefined || !isSame(sent, api.token)) {
    return json(response, 401, {
      message: 'Bad credentials',
      documentation_url: 'https://docs.github.com/rest',
      status: '401',
    });
  }
  relay(request, response, api);
}

/** Passes a request on to an emulator, its own token in place of the caller's. */
function relay(request: IncomingMessage, response: ServerResponse, api: Api): void {
  const { port } = api;
  const headers = { ...request.headers, authorization: `Bearer ${api.innerToken}`, host: `localhost:${port}` };
  const inner = forward({ host: '127.0.0.1', port, method: request.method, path: request.url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  inner.on('error', () => response.destroy());
  request.pipe(inner);
}

function isSame(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function startGithub(baseUrl: string): Promise<Api | undefined> {
  if (setup.tokens.github === undefined) return undefined;
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
    },
  };
  const port = await freePort();
  const emulator = await createEmulator({ service: 'github', port, baseUrl, seed });
  return { emulator, port, token: setup.tokens.github, innerToken: INNER.github };
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
  return { emulator, port, token: setup.tokens.slack, innerToken: INNER.slack };
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
