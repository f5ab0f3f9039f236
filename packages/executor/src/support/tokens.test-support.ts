/** Exchanges for tests: a real token endpoint and an API behind it over TLS, and dispatches that go through both. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { endpointsOf, parseInjections, tokenSchemeOf, type Injection } from '@dauth/protocol';
import type { Upstream } from '../wire/upstream.ts';
import { Tokens } from '../wire/tokens.ts';
import { Turns } from '../wire/turns.ts';
import type { TokenAsk } from '../wire/token-call.ts';
import { callAndRead, HANDLE, plaintextOf, type CallOptions, type ReadAnswer } from './calls.test-support.ts';
import { serveHttps, type Identity, type TestServer } from './upstreams.test-support.ts';

/** Unix seconds of the executor's clock. */
export const NOW = 1_795_000_000;
export const CLIENT = { id: 'client-0123456789', secret: 'a secret: &+%/"~0123456789' };

/** What an endpoint was asked. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

export interface Provider extends AsyncDisposable {
  readonly server: TestServer;
  readonly endpoint: string;
  readonly asked: Asked[];
  /** Tokens given out, in order. */
  readonly given: string[];
  /** Authorization headers that the API saw. */
  readonly seen: string[];
  /** Tokens that the API does not take any more. */
  readonly refused: Set<string>;
  /** How the next askings are answered; by default as RFC 6749 §5.1 says, where the client is right. */
  answer: ((response: ServerResponse, asked: Asked, token: string) => void) | null;
  /** What the API answers. */
  api: (request: IncomingMessage, response: ServerResponse) => void;
}

/** RFC 6749 §2.3.1, read by somebody else's code. */
export function clientOf({ headers, form }: Asked): readonly [id: string | null, secret: string | null] {
  const [, blob] = /^Basic ([A-Za-z0-9+/]+=*)$/.exec(headers.authorization ?? '') ?? [];
  if (blob === undefined) return [form.get('client_id'), form.get('client_secret')];
  const [id = '', secret = ''] = Buffer.from(blob, 'base64').toString('latin1').split(':');
  const decoded = new URLSearchParams(`id=${id}&secret=${secret}`);
  return [decoded.get('id'), decoded.get('secret')];
}

export function bearer(token: string, members: object = {}): string {
  return JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3_600, ...members });
}

export async function serveProvider(identity: Identity): Promise<Provider> {
  const provider: Omit<Provider, 'server' | 'endpoint' | typeof Symbol.asyncDispose> = {
    asked: [],
    given: [],
    seen: [],
    refused: new Set(),
    answer: null,
    api: (_, response) => response.end('done'),
  };
  const server = await serveHttps(identity, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (!request.url!.startsWith('/oauth/token')) {
        const shown = request.headers.authorization ?? '';
        provider.seen.push(shown);
        if (provider.refused.has(shown.slice('Bearer '.length))) response.writeHead(401);
        return provider.api(request, response);
      }
      const form = new URLSearchParams(Buffer.concat(chunks).toString('latin1'));
      const asked = { method: request.method!, target: request.url!, headers: request.headers, form };
      provider.asked.push(asked);
      const token = `at-${createHash('sha256').update(randomBytes(8)).digest('base64url')}`;
      provider.given.push(token);
      if (provider.answer !== null) return provider.answer(response, asked, token);
      const [id, secret] = clientOf(asked);
      const isRight = id === CLIENT.id && secret === CLIENT.secret;
      response.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(isRight ? bearer(token) : JSON.stringify({ error: 'invalid_client', error_description: secret }));
    });
  });
  return Object.assign(provider, {
    server,
    endpoint: `${server.origin}/oauth/token`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
}

export function clientCredentials(endpoint: string, members: object = {}): readonly Injection[] {
  const scheme = { scheme: 'client_credentials', endpoint, client_id: CLIENT.id, client_secret: '{secret}' };
  return parseInjections([{ ...scheme, ...members }]);
}

/** What the executor does in steps 6 to 9 where a scheme is sealed: exchange, then the request itself. */
export class Dispatches {
  readonly tokens: Tokens;
  readonly #upstream: Upstream;
  /** Moves with the test. */
  nowMs = 0;
  /** Openings so far. */
  opened = 0;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
    this.tokens = new Tokens(
      upstream,
      () => this.nowMs,
      () => NOW,
      new Turns(),
    );
  }

  async run(
    origin: string,
    injections: readonly Injection[],
    { fields = { secret: CLIENT.secret }, ...options }: CallOptions & { keeping?: number } = {},
  ): Promise<ReadAnswer> {
    const open = () => {
      this.opened++;
      return plaintextOf(fields, options.keeping);
    };
    const { connection = { handle: HANDLE, ver: 1 }, beforeSend = () => undefined } = options;
    const common = { connection, injections, open, beforeSend };
    const token = await this.tokens.take({
      ...{ ...common, owner: 'usr_ada' },
      ...(await this.#scheme(injections)),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    });
    const answer = await callAndRead(this.#upstream, origin, { target: '/api', ...options, ...common, token });
    if (answer.status === 401) this.tokens.forget(connection, token);
    return answer;
  }

  async #scheme(injections: readonly Injection[]): Promise<Pick<TokenAsk, 'scheme' | 'address' | 'idp'>> {
    const scheme = tokenSchemeOf(injections)!;
    const checks = endpointsOf(scheme).map((endpoint) => this.#upstream.check(new URL(endpoint).origin as never));
    const [address, idp] = await Promise.all(checks);
    return { scheme, address: address!, ...(idp === undefined ? {} : { idp: { address: idp } }) };
  }
}
