/**
 * A whole executor before an API that people log in to: real TLS, and answers that the test decides. Two connections, sealed for
 * one another: the login, and what is captured out of its answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CapturedValue, ConnectionHandle, EnvelopePolicy } from '@dauth/protocol';
import { freshHandle, type Signer } from './signer.test-support.ts';
import type { Reply } from './door-caller.test-support.ts';
import { World, type Parts } from './room.test-support.ts';
import { detail } from './statements.test-support.ts';
import { createUpstream } from '../wire/upstream.ts';
import { serveHttps, TestCa, type TestServer } from './upstreams.test-support.ts';

type Changes = Partial<Record<keyof EnvelopePolicy, unknown>>;

/** A request as it came. */
export interface Came {
  readonly url: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

/** What the API answers: text goes out as it is, and with it its heads where they are `raw`. */
export interface Says {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
  readonly raw?: boolean;
}

export const LOGIN = { username: 'ada.lovelace.1815', password: 'pw-canary-0123456789' };
const BODY_SLOTS = [
  { in: 'body', pointer: '/user', value: '{username}' },
  { in: 'body', pointer: '/pass', value: '{password}' },
];

export class LoginWorld implements AsyncDisposable {
  readonly came: Came[] = [];
  /** What a login is answered with. */
  says: (came: Came) => Says | Promise<Says> = () => ({ body: '{}' });
  /** What a call with what was captured is answered with. */
  used: (came: Came) => string = () => '{"me":true}';
  /** Where `connect` says that the token stands. */
  pointer = '/auth/token';
  /** What it says is captured besides. */
  more: readonly CapturedValue[] = [];
  /** Runs before a call with what was captured is answered. */
  whileUsed: () => Promise<void> = async () => undefined;
  readonly #server: TestServer;
  readonly world: World;
  login!: ConnectionHandle;
  session!: ConnectionHandle;

  private constructor(world: World, server: TestServer) {
    this.world = world;
    this.#server = server;
  }

  static async open(parts: Parts = {}): Promise<LoginWorld> {
    const ca = await TestCa.create();
    const identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
    let self: LoginWorld | undefined;
    const server = await serveHttps(identity, (request, response) => void self!.#answer(request, response));
    const world = await World.open({
      config: { upstream: { dangerouslyAllowLoopback: true } },
      upstream: (nowMs) => createUpstream({ ca: [ca.pem], dangerouslyAllowLoopback: true, nowMs }),
      ...parts,
    });
    self = new LoginWorld(world, server);
    await self.connect();
    return self;
  }

  get origin(): string {
    return this.#server.origin;
  }

  /** Seals the two for each other, anew. */
  async connect(login: Changes = {}, session: Changes = {}, by: Signer = this.world.device): Promise<void> {
    const { ms } = this.world.clock;
    [this.login, this.session] = [freshHandle(ms), freshHandle(ms)];
    const fields = [{ pointer: this.pointer, field: 'token' }, ...this.more];
    const captured = { from: this.login, fields: fields.map(({ field }) => field), lifetime: 3_600 };
    await this.world.connect(
      {
        ...{ handle: this.session, connection: 'shop', captured },
        allow: [{ origin: this.origin, methods: ['GET'], paths: ['/me'] }],
        ...session,
      },
      by,
      {},
    );
    const capture = { into: this.session, fields };
    await this.world.connect(
      {
        ...{ handle: this.login, connection: 'shop-login', capture, inject: BODY_SLOTS },
        allow: [{ origin: this.origin, methods: ['POST'], paths: ['/login'] }],
        ...login,
      },
      undefined,
      LOGIN,
    );
  }

  /** A token for both, or for some; as far as the envelopes allow. */
  token(handles: readonly ConnectionHandle[] = [this.login, this.session]): string {
    const actions = ['POST /login', 'POST /oauth/token', 'GET /me'];
    const details = handles.map((handle) => detail(handle, { locations: [this.origin], actions }));
    return this.world.token(this.login, { authorization_details: details });
  }

  logIn(request: object = {}, token = this.token()): Promise<Reply> {
    const body = { user: undefined, remember: true };
    return this.world.dispatch(this.login, { method: 'POST', path: '/login', body, ...request }, token);
  }

  /** Uses what was captured. */
  use(request: object = {}, token = this.token()): Promise<Reply> {
    return this.world.dispatch(this.session, { method: 'GET', path: '/me', ...request }, token);
  }

  get stored() {
    return this.world.authority.stored.get(this.session)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = '', headers } = request;
    const came = { url, body: Buffer.concat(chunks).toString('utf8'), authorization: headers.authorization };
    this.came.push(came);
    if (url === '/me') {
      await this.whileUsed();
      return void response.end(this.used(came));
    }
    const { status = 200, headers: said = {}, body, raw } = await this.says(came);
    if (raw === true) return void response.socket!.end(body);
    response.writeHead(status, { 'content-type': 'application/json', ...said } as never);
    response.end(body);
  }
}

/** The code and sentence of a refusal. */
export function refusalOf({ json }: Reply): { readonly code?: string; readonly message?: string } {
  return (json.error ?? {}) as { code?: string; message?: string };
}
