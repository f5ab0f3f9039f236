/** A TLS upstream that decides about signatures by itself, and executors whose one connection signs for any path of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createUpstream } from '../wire/upstream.ts';
import { World } from './room.test-support.ts';
import { detail } from './statements.test-support.ts';
import { serveHttps, TestCa, type TestServer } from './upstreams.test-support.ts';

export interface SignedRequest {
  readonly method: string;
  /** As on the request line. */
  readonly target: string;
  /** In their order, as they came; lowercase names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export const SIGNED_AT = Date.parse('2026-11-18T20:26:40Z');

/** The values of a header, joined as one. */
export function headerOf({ headers }: SignedRequest, wanted: string): string {
  return headers.flatMap(([name, value]) => (name === wanted ? [value] : [])).join(',');
}

export class SigningUpstream implements AsyncDisposable {
  seen: SignedRequest[] = [];
  /** Whether a request is signed with what this upstream knows. */
  isValid: (request: SignedRequest) => boolean = () => false;
  answer: (request: SignedRequest) => string | Buffer = () => 'ok';
  #ca!: TestCa;
  #server!: TestServer;

  static async open(): Promise<SigningUpstream> {
    const upstream = new SigningUpstream();
    upstream.#ca = await TestCa.create();
    const identity = await upstream.#ca.issue([{ type: 'dns', value: 'localhost' }]);
    upstream.#server = await serveHttps(identity, (request, response) => upstream.#serve(request, response));
    return upstream;
  }

  get host(): string {
    return this.#server.origin.slice('https://'.length);
  }

  /** An executor with a connection; nothing was seen yet. */
  async connect(inject: readonly object[], fields: Readonly<Record<string, string>>) {
    [this.seen, this.answer] = [[], () => 'ok'];
    const { origin } = this.#server;
    const upstream = (nowMs: () => number) =>
      createUpstream({ ca: [this.#ca.pem], dangerouslyAllowLoopback: true, nowMs });
    const world = await World.open({ atMs: SIGNED_AT, fields, upstream });
    const allow = [{ origin, methods: ['GET', 'PUT', 'POST'], paths: ['/bucket/**'] }];
    const handle = await world.connect({ allow, inject });
    const actions = ['GET /**', 'PUT /**', 'POST /**'];
    const token = (): string =>
      world.token(handle, { authorization_details: [detail(handle, { locations: [origin], actions })] });
    return {
      ...{ world, handle, token },
      /** The buffered form, right but for what is given. */
      call: async (request: object) => {
        const { json } = await world.dispatch(handle, { path: '/bucket/key', ...request }, token());
        return json as { readonly response?: { status: number; body: unknown }; readonly error?: { code: string } };
      },
      stream: (target: string, more: object) => world.stream(handle, target, { token: token(), ...more }),
      [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    };
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { rawHeaders: raw, method, url } = request;
      const headers = raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1]!] as const] : []));
      const came = { method: method!, target: url!, headers, body: Buffer.concat(chunks) };
      this.seen.push(came);
      response.writeHead(this.isValid(came) ? 200 : 403, { 'content-type': 'text/plain' });
      response.end(this.answer(came));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
