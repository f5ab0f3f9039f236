/**
 * A whole executor for tests: real HTTP door, real journal, real keys and signatures; a fake authority, a recording way
 * out, and a clock that the test moves. Counts openings and calls, so that a refusal can be shown to have done neither.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TYP, type ConnectionHandle, type EnvelopePolicy } from '@dauth/protocol';
import type { StoredEnvelope } from '../who/authority.ts';
import { parseConfig } from '../config.ts';
import { sendRawTo, sendTo, type Reply } from './door-caller.test-support.ts';
import { FakeAuthority, type Change } from './fake-authority.test-support.ts';
import type { ExecutorKeys } from '../secret/keys.ts';
import { openEnvelope } from '../open.ts';
import type { Databases } from '../postgres/databases.ts';
import { openRoom, type Room } from '../room.ts';
import { resealEnvelope } from '../reseal.ts';
import type { SegmentFiles } from '../journal/segment.ts';
import { dpop, freshHandle, makeSigner, type Signer } from './signer.test-support.ts';
import { readJournal, type JournalLine } from './journal-lines.test-support.ts';
import { recordingUpstream, type Sent } from './recording.test-support.ts';
import { sealCompact } from './sealed.test-support.ts';
import { detail, ORIGIN, sealProof } from './statements.test-support.ts';
import { until } from './until.test-support.ts';
import type { UpstreamAnswer } from '../wire/call.ts';
import type { Upstream } from '../wire/upstream.ts';

export const ISSUER = 'https://auth.example';
export const RESOURCE = 'https://executor.example';
export const MCP = 'https://mcp.example/mcp';
export const SECRET = 'ghp_canary_0123456789';
const START = 1_795_000_000_000;

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
  /** Whether the recording way out says that memory is overwritten where it is freed. */
  isFreedOverwritten = true;
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
      upstream: parts.upstream?.(() => clock.ms) ?? recordingUpstream(world),
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
    // One that was closed says nothing any more: what it did not say, the next one does.
    await until('the executor has read every change', () => {
      const stream = this.authority.streams.at(-1);
      return this.#isStopped || (stream !== undefined && !stream.isClosed && stream.isRead);
    });
  }

  async seal(
    handle: ConnectionHandle,
    changes: Partial<Record<keyof EnvelopePolicy, unknown>> = {},
    by: Signer = this.device,
    fields = this.#parts.fields ?? { token: SECRET },
  ): Promise<StoredEnvelope> {
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
    const { envelope } = await sealCompact(this.keys.opening, dauth, fields);
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
    return sendTo(port, method, path, headers, body);
  }

  /** Octets on a socket of their own, for what no HTTP client sends. */
  async sendRaw(octets: string): Promise<Reply> {
    return sendRawTo(this.port, octets);
  }

  /** Every whole line of the journal on disk. */
  journal(): readonly JournalLine[] {
    return readJournal(join(this.data, 'journal'));
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
}
