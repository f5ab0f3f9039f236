/**
 * A whole executor for tests: real HTTP door, real journal, real keys and signatures; a fake authority, a recording way
 * out, and a clock that the test moves. Counts openings and calls, so that a refusal can be shown to have done neither.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  encodeEnvelopeHeader,
  joinEnvelope,
  TYP,
  type ConnectionHandle,
  type EnvelopeHeader,
  type EnvelopePolicy,
} from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import * as hpke from 'hpke';
import type { StoredEnvelope } from '../who/authority.ts';
import { layOut } from './calls.test-support.ts';
import { parseConfig } from '../config.ts';
import { FakeAuthority, type Change } from './fake-authority.test-support.ts';
import type { ExecutorKeys } from '../secret/keys.ts';
import { openEnvelope } from '../open.ts';
import type { Databases } from '../postgres/databases.ts';
import { openRoom, type Room } from '../room.ts';
import { resealEnvelope } from '../reseal.ts';
import type { SegmentFiles } from '../journal/segment.ts';
import { dpop, freshHandle, makeSigner, type Signer } from './signer.test-support.ts';
import { until } from './until.test-support.ts';
import type { UpstreamAnswer, UpstreamRequest } from '../wire/call.ts';
import type { Upstream } from '../wire/upstream.ts';

export const ISSUER = 'https://auth.example';
export const RESOURCE = 'https://executor.example';
export const MCP = 'https://mcp.example/mcp';
export const ORIGIN = 'https://api.github.com';
export const SECRET = 'ghp_canary_0123456789';
const START = 1_795_000_000_000;

/** What the way out was asked for, with the body read and the fields that were opened. */
export interface Sent extends Omit<UpstreamRequest, 'body'> {
  readonly body: string;
  readonly opened: string;
  /** Lines of the journal on disk when the call began. */
  readonly journal: readonly JournalLine[];
}

export type JournalLine = Readonly<Record<string, unknown>> & { readonly seq: number; readonly kind: string };

export interface Reply {
  readonly status: number;
  /** Lowercase names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Each `set-cookie` by itself. */
  readonly cookies: readonly string[];
  readonly text: string;
  /** The document, where the body is one. */
  readonly json: Record<string, unknown>;
}

export interface Parts {
  readonly data?: string;
  readonly config?: object;
  readonly segments?: (directory: string) => SegmentFiles;
  readonly atMs?: number;
  /** A real way out in place of the recording one, by the same clock. */
  readonly upstream?: (nowMs: () => number) => Upstream;
  /** A real way to databases; by default there is none. */
  readonly databases?: Databases;
  /** Runs before the executor starts. */
  readonly prepare?: (authority: FakeAuthority) => void;
  /** What is sealed. */
  readonly fields?: Readonly<Record<string, string>>;
}

export class World implements AsyncDisposable {
  readonly server = makeSigner();
  readonly client = makeSigner();
  /** The device that seals. */
  readonly device = makeSigner();
  readonly clock: { ms: number };
  readonly authority: FakeAuthority;
  readonly data: string;
  readonly logged: { readonly event: string; readonly facts: object }[] = [];
  readonly sent: Sent[] = [];
  readonly checked: string[] = [];
  readonly resets: ConnectionHandle[] = [];
  opened = 0;
  port = 0;
  /** Of the private listener, where the configuration has one. */
  metricsPort = 0;
  keys!: ExecutorKeys;
  room!: Room;
  /** What the upstream does; may throw. Runs after `open` and `beforeSend`. */
  answer: (request: Sent) => Partial<UpstreamAnswer> | Promise<Partial<UpstreamAnswer>> = () => ({});
  /** Runs when the way out was called, before anything is opened. */
  onCall: () => void | Promise<void> = () => undefined;
  readonly #parts: Parts;
  #isStopped = false;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.clock = { ms: parts.atMs ?? START };
    this.data = parts.data ?? mkdtempSync(join(tmpdir(), 'dauth-executor-'));
    this.authority = new FakeAuthority({ issuer: ISSUER, resource: RESOURCE, nowMs: () => this.clock.ms });
  }

  static async open(parts: Parts = {}): Promise<World> {
    const world = new World(parts);
    const { segments, config = {} } = parts;
    const { data, clock } = world;
    parts.prepare?.(world.authority);
    world.room = await openRoom({
      config: parseConfig(
        JSON.stringify({
          listen: { host: '127.0.0.1', port: 0 },
          resource: RESOURCE,
          issuer: ISSUER,
          data,
          upstream: {},
          ...config,
        }),
      ),
      version: '0.0.0',
      log: (event, facts = {}) => void world.logged.push({ event, facts }),
      nowMs: () => clock.ms,
      monotonic: () => clock.ms,
      open: (envelope, key) => {
        world.opened++;
        return openEnvelope(envelope, key);
      },
      reseal: resealEnvelope,
      upstream: parts.upstream?.(() => clock.ms) ?? world.#upstream(),
      databases: parts.databases ?? { open: () => Promise.reject(new Error('There is no database.')) },
      connect: (keys) => {
        world.keys = keys;
        return world.authority;
      },
      ...(segments === undefined ? {} : { segments }),
    });
    ({ port: world.port, metricsPort: world.metricsPort = 0 } = await world.room.listen());
    return world;
  }

  get now(): number {
    return Math.floor(this.clock.ms / 1_000);
  }

  /** Seals as the client does and puts the envelope into the authority. */
  async connect(
    changes: Partial<Record<keyof EnvelopePolicy, unknown>> = {},
    by: Signer = this.device,
    fields?: Parts['fields'],
  ) {
    const handle = (changes.handle ?? freshHandle(this.clock.ms)) as ConnectionHandle;
    const stored = await this.seal(handle, changes, by, fields);
    this.authority.stored.set(handle, stored);
    return handle;
  }

  /** Tells the executor about changes; it has dealt with them when the promise settles. */
  async change(...changes: readonly Change[]): Promise<void> {
    this.authority.change(...changes);
    await until('the executor has read every change', () => this.authority.streams.every(({ isRead }) => isRead));
  }

  async seal(
    handle: ConnectionHandle,
    changes: Partial<Record<keyof EnvelopePolicy, unknown>> = {},
    by: Signer = this.device,
    fields = this.#parts.fields ?? { token: SECRET },
  ): Promise<StoredEnvelope> {
    const { kid, alg, publicRaw } = this.keys.opening;
    const dauth = {
      handle,
      ver: 1,
      iss: ISSUER,
      org: 'default',
      owner: 'alice',
      connection: 'github',
      servers: [MCP],
      allow: [{ origin: ORIGIN, methods: ['GET', 'POST'], paths: ['/repos/**', '/user'] }],
      inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
      bearer: false,
      iat: this.now - 60,
      exp: this.now + 86_400,
      ...changes,
    };
    const header = { alg, kid, typ: TYP.credential, crit: ['dauth'], dauth } as unknown as EnvelopeHeader;
    const segment = encodeEnvelopeHeader(header);
    const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_128_GCM);
    const key = await suite.DeserializePublicKey(publicRaw as Uint8Array<ArrayBuffer>);
    const { encapsulatedSecret, ciphertext } = await suite.Seal(
      key,
      layOut(fields) as Buffer as Uint8Array<ArrayBuffer>,
      { aad: Buffer.from(segment) as Uint8Array<ArrayBuffer> },
    );
    const envelope = joinEnvelope(segment, encapsulatedSecret, ciphertext);
    return {
      envelope,
      sealProof: sealProof(by, handle, dauth.ver as number, envelope),
      endorsements: [],
      ver: dauth.ver as number,
      status: 'active',
      revision: this.authority.revision,
    };
  }

  /** A dispatch token as the authority issues it. */
  token(
    handle: ConnectionHandle,
    changes: object = {},
    header: object = {},
    by: Signer = this.authority.signer,
  ): string {
    return by.jws({ typ: TYP.accessToken, kid: this.authority.kid, ...header }, this.claims(handle, changes));
  }

  claims(handle: ConnectionHandle, changes: object = {}): object {
    return {
      iss: ISSUER,
      sub: 'alice',
      aud: RESOURCE,
      client_id: 'server-client',
      scope: 'mcp:read',
      iat: this.now,
      exp: this.now + 120,
      jti: randomUUID(),
      cnf: { jkt: this.server.jkt },
      grant_id: 'grant-1',
      'ddls:org': 'default',
      act: { sub: MCP },
      subject_jti: 'subject-1',
      subject_client_id: 'client-1',
      authorization_details: [detail(handle)],
      'ddls:subject_dpop': dpop(this.client, { htm: 'POST', htu: MCP, iat: this.now, token: 'access' }),
      ...changes,
    };
  }

  proof(htm: string, path: string, token: string, claims: object = {}, header: object = {}): string {
    const htu = RESOURCE + path.split('?', 1)[0]!;
    return dpop(this.server, { htm, htu, iat: this.now, token }, { claims, header });
  }

  /** Headers of a right request. */
  headers(htm: string, path: string, token: string): string[] {
    return ['Authorization', `DPoP ${token}`, 'DPoP', this.proof(htm, path, token)];
  }

  /** The buffered form, right but for what is given. */
  async dispatch(handle: ConnectionHandle, request: object = {}, token = this.token(handle)): Promise<Reply> {
    const body = JSON.stringify({ connection_handle: handle, request: { method: 'GET', path: '/user', ...request } });
    const headers = [...this.headers('POST', '/dispatch', token), 'Content-Type', 'application/json'];
    return this.send('POST', '/dispatch', headers, body);
  }

  /** The streaming form, right but for what is given. */
  async stream(
    handle: ConnectionHandle,
    target = '/user',
    { method = 'GET', headers = [] as readonly string[], body = undefined as string | undefined, token = '' } = {},
  ): Promise<Reply> {
    const path = `/connections/${handle}${target}`;
    const own = this.headers(method, path, token === '' ? this.token(handle) : token);
    return this.send(method, path, [...own, ...headers], body);
  }

  /** One request, with exactly these headers. Rejects where the connection ends before the answer does. */
  async send(
    method: string,
    path: string,
    headers: readonly string[],
    body?: string,
    port = this.port,
  ): Promise<Reply> {
    const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
    const all = ['Host', 'executor.example', ...headers, ...length];
    return new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: all, agent: false });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve(reply(response.statusCode ?? 0, response.rawHeaders, Buffer.concat(chunks).toString('utf8'))),
        );
      });
      request.end(body);
    });
  }

  /** Octets on a socket of their own, for what no HTTP client sends. */
  async sendRaw(octets: string): Promise<Reply> {
    const socket = connect(this.port, '127.0.0.1');
    socket.write(octets, 'latin1');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const [head = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n');
    const [line = '', ...lines] = head.split('\r\n');
    const raw = lines.flatMap((header) => [
      header.slice(0, header.indexOf(':')),
      header.split(': ').slice(1).join(': '),
    ]);
    return reply(Number(line.split(' ')[1]), raw, rest.join('\r\n\r\n'));
  }

  /** Every whole line of the journal on disk. */
  journal(): readonly JournalLine[] {
    const directory = join(this.data, 'journal');
    return readdirSync(directory)
      .sort()
      .flatMap((name) => linesOf(readFileSync(join(directory, name))))
      .map((line) => JSON.parse(line) as JournalLine);
  }

  /** The first line that fits, once it is on disk. */
  async recorded(fits: (line: JournalLine) => boolean): Promise<JournalLine> {
    for (let tries = 0; tries < 200; tries++) {
      const line = this.journal().find(fits);
      if (line !== undefined) return line;
      await sleep(10);
    }
    throw new Error('No such line came into the journal.');
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.room.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#parts.data === undefined) rmSync(this.data, { recursive: true });
  }

  #upstream(): Upstream {
    return {
      check: async (origin) => {
        this.checked.push(origin);
        return { origin, scheme: 'https', host: 'api.github.com', port: 443, ips: ['192.0.2.1'] };
      },
      call: async (request) => {
        const journal = this.journal();
        await this.onCall();
        using plaintext = request.open();
        request.beforeSend();
        const opened = plaintext.lend((bytes) => bytes.toString('latin1'));
        const sent = { ...request, journal, opened, body: await readBody(request.body) };
        this.sent.push(sent);
        return await this.#answer(sent);
      },
      reset: (handle) => void this.resets.push(handle),
      close: async () => undefined,
    };
  }

  async #answer(sent: Sent): Promise<UpstreamAnswer> {
    const given = await this.answer(sent);
    const status = given.status ?? 200;
    return {
      status,
      headers: [['content-type', 'application/json']],
      body: Readable.from([Buffer.from('{"login":"octocat"}')]),
      finished: Promise.resolve({ status, bytes: 19, redactions: 0, error: null }),
      ...given,
    };
  }
}

/** Whole lines, up to the zeros that no line has been written over. */
function linesOf(segment: Buffer): readonly string[] {
  const end = segment.indexOf(0);
  return segment
    .toString('utf8', 0, end < 0 ? segment.length : end)
    .split('\n')
    .slice(0, -1);
}

/** The token's word for all that `World.seal` allows. */
export function detail(handle: ConnectionHandle, changes: object = {}): object {
  return {
    type: 'dauth_connection',
    identifier: handle,
    name: 'github',
    locations: [ORIGIN],
    actions: ['GET /repos/**', 'POST /repos/**', 'GET /user'],
    ...changes,
  };
}

export function sealProof(by: Signer, handle: ConnectionHandle, ver: number, envelope: string): string {
  return by.jws({ typ: TYP.seal, jwk: by.jwk }, { handle, ver, sha256: sha256Base64url(envelope) });
}

export function endorsement(by: Signer, handle: ConnectionHandle, jkt: string): string {
  return by.jws({ typ: TYP.endorsement, jwk: by.jwk }, { handle, jkt });
}

async function readBody(body: UpstreamRequest['body']): Promise<string> {
  if (body === null) return '';
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function reply(status: number, raw: readonly string[], text: string): Reply {
  const headers: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) headers[raw[i]!.toLowerCase()] = raw[i + 1]!;
  const isJson = /json/.test(headers['content-type'] ?? '');
  const cookies = raw.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === 'set-cookie' ? [raw[at + 1]!] : [],
  );
  return { status, headers, cookies, text, json: isJson && text !== '' ? (JSON.parse(text) as Reply['json']) : {} };
}
