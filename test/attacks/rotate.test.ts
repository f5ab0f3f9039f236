/** Whoever owns the authority waits for a rotation, to have the owner's own key seal the new credential for somewhere else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  createClient,
  fetchExecutor,
  generateKey,
  importKey,
  MemorySeqStore,
  seal,
  type ClientKey,
  type DAuthClient,
  type SealPolicy,
  type StoredConnection,
} from '@dauth/client';
import { parseEnvelope, type EnvelopePolicy } from '@dauth/protocol';
import { proves } from '../claims.ts';
import { freePort, makeTempDir, run } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const DAUTH = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const SERVER = 'https://mcp.example/mcp';
const ORIGIN = 'https://api.example';
const EVIL = {
  servers: ['https://evil.example/mcp'],
  allow: [{ origin: 'https://evil.example', methods: ['GET', 'POST'], paths: ['/**'] }],
} as const;

/** The authority's public face: passes everything on, and answers a question for one connection as it likes. */
class HostileAuthority {
  readonly posted: string[] = [];
  tamper: ((row: StoredConnection) => object | Promise<object>) | undefined;
  readonly #server: Server;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    this.#server = createServer((asked, answer) => void this.#pass(asked, answer));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = asked;
    if (method === 'POST') this.posted.push(path);
    const onward = request({ host: '127.0.0.1', port: this.#port, method, path, headers });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
    onward.on('response', (real: IncomingMessage) => {
      real.on('error', () => answer.destroy());
      if (this.tamper === undefined || method !== 'GET' || !path.startsWith('/connections/')) {
        answer.writeHead(real.statusCode ?? 502, real.headers);
        real.pipe(answer);
        return;
      }
      void this.#answerOtherwise(real, answer, this.tamper);
    });
  }

  async #answerOtherwise(
    real: IncomingMessage,
    answer: ServerResponse,
    tamper: NonNullable<HostileAuthority['tamper']>,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of real) chunks.push(chunk as Buffer);
    const row = JSON.parse(Buffer.concat(chunks).toString()) as StoredConnection;
    answer.writeHead(200, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(await tamper(row)));
  }
}

describe('a rotation under a hostile authority', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let authority: HostileAuthority;
  let issuer: string;
  let stack: Stack;
  let key: ClientKey;
  let client: DAuthClient;
  let as: readonly string[];
  let made = 0;
  before(async () => {
    dir = await makeTempDir();
    const port = await freePort();
    authority = new HostileAuthority(port);
    issuer = await authority.listen();
    stack = await startStack({ dir: dir.path, port, authority: { issuer } });
    await stack.dauth(['servers', 'add', '--resource', SERVER, '--generate', join(dir.path, 'server.jwk')]);
    const file = join(dir.path, 'laptop.jwk');
    const add = ['clients', 'add', '--name', 'laptop', '--generate', file];
    const { client_id: clientId } = await stack.dauth<{ client_id: string }>(add);
    key = await importKey(JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>);
    client = createClient({ issuer, clientId, key });
    as = ['--key', file, '--client-id', clientId];
  });
  after(async () => {
    await stack?.stop();
    authority?.close();
    await dir?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    authority.tamper = undefined;
    authority.posted.length = 0;
  });

  const connect = async () => {
    const args = ['connect', `c${++made}`, '--origin', ORIGIN, '--server', SERVER, '--path', '/user', ...as];
    const { handle } = await stack.dauth<{ handle: string }>(args, 'first-credential');
    return handle;
  };
  const rotate = (handle: string, ...flags: string[]) =>
    stack.tryDauth(['connections', 'rotate', handle, ...as, ...flags], 'second-credential');
  const stored = async (handle: string): Promise<EnvelopePolicy> => {
    authority.tamper = undefined;
    return parseEnvelope((await client.connections.get(handle)).envelope).header.dauth;
  };
  const sealElsewhere = async (by: ClientKey, row: StoredConnection) => {
    const identities = [stack.ready.executor_identity];
    const executor = await fetchExecutor({ url: issuer, identities, seqStore: new MemorySeqStore() });
    const { owner, org, name: connection, handle, ver, inject, expires_at: expiresAt } = row;
    const policy: SealPolicy = {
      ...EVIL,
      issuer,
      owner,
      org,
      connection,
      inject,
      expiresAt,
      replaces: { handle, ver },
    };
    return seal({ executor, key: by, fields: { token: Buffer.from('of the attacker') }, policy });
  };
  const lastError = (stderr: string) =>
    (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string; message: string } }).error;
  const assertRefused = (ended: { code: number | null; stdout: string; stderr: string }, sentence: string) => {
    assert.equal(ended.code, 9, ended.stderr);
    assert.equal(ended.stdout, '');
    const { code, message } = lastError(ended.stderr);
    assert.equal(code, 'UNVERIFIED_POLICY');
    assert.equal(message, `The stored policy cannot be used again, so nothing was sealed or sent. ${sentence}`);
    assert.equal(
      authority.posted.some((path) => path.endsWith('/rotate')),
      false,
      'nothing was sent',
    );
  };

  proves('seal.bound', 'an honest rotation keeps the policy and the length of its time (control)', async () => {
    const handle = await connect();
    const old = await stored(handle);
    // As a person gives it: with --json there is no talk.
    const args = [DAUTH, 'connections', 'rotate', handle, ...as, '--data', stack.ready.data];
    const ended = await run({ file: process.execPath, args, input: 'second-credential' });
    assert.equal(ended.code, 0, ended.stderr);
    const { ver, iat, exp, ...kept } = await stored(handle);
    assert.equal(ver, 2);
    assert.equal(exp - iat, old.exp - old.iat);
    const { ver: _ver, iat: _iat, exp: _exp, ...before } = old;
    assert.deepEqual(kept, before);
    for (const said of [`${ORIGIN}  GET  /user`, SERVER, 'header authorization  Bearer {token}', 'not pinned'])
      assert.ok(ended.stderr.includes(said), said);
  });

  proves(
    'seal.bound',
    'what the authority says of a policy beside the envelope is not what is sealed again',
    async () => {
      const handle = await connect();
      authority.tamper = (row) => ({ ...row, ...EVIL, owner: 'mallory', name: 'other', expires_at: 9_999_999_999 });
      const ended = await rotate(handle);
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(ended.stderr.includes('evil'), false);
      const { servers, allow, exp } = await stored(handle);
      assert.deepEqual([servers, allow.map((rule) => rule.origin)], [[SERVER], [ORIGIN]]);
      assert.ok(exp < 9_000_000_000);
    },
  );

  proves('seal.bound', 'an envelope that the authority sealed itself gives no policy to seal again', async () => {
    const handle = await connect();
    authority.tamper = async (row) => ({ ...row, ...(await sealElsewhere(await generateKey(), row)) });
    assertRefused(await rotate(handle), 'The envelope that was given back was not sealed by a key that is known here.');
  });

  proves('seal.bound', "another connection of the same owner gives no policy to this one's credential", async () => {
    const [handle, wider] = [await connect(), await connect()];
    const other = await client.connections.get(wider);
    authority.tamper = (row) => ({ ...row, envelope: other.envelope, seal_proof: other.seal_proof });
    assertRefused(await rotate(handle), 'The envelope that was given back is that of another connection.');
  });

  proves('seal.bound', 'an older version, whose policy may have been wider, is not sealed again', async () => {
    const handle = await connect();
    const old = await client.connections.get(handle);
    assert.equal((await rotate(handle)).code, 0);
    authority.posted.length = 0;
    authority.tamper = () => old;
    assertRefused(await rotate(handle), 'The envelope that was given back is older than one seen before.');
  });

  proves('seal.bound', 'a new policy is the one that is given, whole, and nothing of the authority', async () => {
    const handle = await connect();
    const partly = await rotate(handle, '--origin', 'https://two.example');
    assert.equal(partly.code, 2);
    assert.equal(lastError(partly.stderr).code, 'USAGE');
    authority.tamper = (row) => ({ ...row, ...EVIL });
    const whole = ['--name', `c${made}`, '--origin', 'https://two.example', '--server', SERVER, '--expires-in', '1'];
    const ended = await rotate(handle, ...whole);
    assert.equal(ended.code, 0, ended.stderr);
    const { allow, servers, iat, exp } = await stored(handle);
    assert.deepEqual([allow[0]!.origin, servers, exp - iat], ['https://two.example', [SERVER], 86_400]);
  });

  proves(
    'seal.bound',
    'a device that did not seal a login takes that from its seal alone, before a whole policy takes its place',
    async () => {
      const rule = {
        ...{ connection: `s${++made}`, fields: [{ pointer: '/token', field: 'token' }] },
        allow: [{ origin: ORIGIN, methods: ['GET'], paths: ['/orders'] }],
      };
      const login = ['--method', 'POST', '--path', '/login', '--inject', 'body:/password={token}'];
      const args = ['connect', `l${made}`, '--origin', ORIGIN, '--server', SERVER, ...login, ...as];
      const capturing = [...args, '--capture', JSON.stringify(rule)];
      const { handle } = await stack.dauth<{ handle: string }>(capturing, 'first-credential');
      const plain = await connect();
      const reach = ['--authority', issuer, '--executor-identity', stack.ready.executor_identity];
      const here = [...reach, '--data', join(dir.path, 'elsewhere'), '--json', ...as];
      const whole = ['--name', `c${made}`, '--origin', ORIGIN, '--server', SERVER];
      const elsewhere = (of: string, ...flags: string[]) => {
        const rotation = ['connections', 'rotate', of, ...here, ...flags];
        return run({ file: process.execPath, args: [DAUTH, ...rotation], input: 'second-credential' });
      };
      const control = await elsewhere(plain, ...whole);
      assert.equal(control.code, 0, control.stderr);
      authority.posted.length = 0;
      const inject = [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }] as const;
      const another = async (row: StoredConnection) => ({
        ...row,
        ...(await sealElsewhere(await generateKey(), { ...row, inject })),
      });
      authority.tamper = another;
      const shown = await elsewhere(handle, ...whole);
      assert.equal(shown.code, 9, shown.stderr);
      assert.match(
        lastError(shown.stderr).message,
        /cannot tell whether it is a login.*not sealed by a key that is known/,
      );
      const KEPT = /^A login and what is captured through it keep the policy/;
      authority.tamper = undefined;
      assert.match(lastError((await elsewhere(handle, ...whole)).stderr).message, KEPT);
      assert.deepEqual(
        authority.posted.filter((path) => path.endsWith('/rotate')),
        [],
        'nothing was sent',
      );
      // From here on this device has sealed it, and knows.
      assert.equal((await elsewhere(handle)).code, 0);
      authority.tamper = another;
      assert.match(lastError((await elsewhere(handle, ...whole)).stderr).message, KEPT);
    },
  );
});
