/** The client as a browser gets it: one bundle, without anything of Node, in a bare context and in Chromium. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import type { webcrypto } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { parseEnvelope } from '@dauth/protocol';
import { build } from 'esbuild';
import { exportJWK, generateKeyPair, SignJWT, calculateJwkThumbprint } from 'jose';

const ENTRY = fileURLToPath(new URL('../../../packages/client/dist/index.js', import.meta.url));

/** What runs inside: gets the directory from its own fetch, makes a key, seals, gives the envelope back. */
const SCENE = `async (url, pin) => {
  const { fetchExecutor, generateKey, MemorySeqStore, seal } = DAuth;
  const executor = await fetchExecutor({ url, identities: [pin], seqStore: new MemorySeqStore() });
  const policy = { issuer: 'https://auth.example', owner: 'ada', connection: 'github', servers: ['https://mcp.example/mcp'],
    allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }], expiresAt: 4000000000 };
  const token = new TextEncoder().encode('ghp_secret');
  const { envelope } = await seal({ executor, key: await generateKey(), fields: { token }, policy });
  return JSON.stringify({ envelope, zeroed: token.every((octet) => octet === 0) });
}`;

suite('the browser bundle', () => {
  let code: string;
  let directory: string;
  let pin: string;
  before(async () => {
    const options = { bundle: true, platform: 'browser', format: 'iife', globalName: 'DAuth', write: false } as const;
    const { outputFiles } = await build({ ...options, entryPoints: [ENTRY], logLevel: 'silent' });
    code = outputFiles[0]!.text;
    const identity = await generateKeyPair('ES256');
    const opening = (await crypto.subtle.generateKey('X25519', true, ['deriveBits'])) as webcrypto.CryptoKeyPair;
    const { kty, crv, x } = await exportJWK(opening.publicKey);
    const jwk = { kty: kty!, crv: crv!, x: x! };
    const now = Math.floor(Date.now() / 1_000);
    const key = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'HPKE-3', nbf: now - 10, exp: now + 1_000_000 };
    const signer = await exportJWK(identity.publicKey);
    pin = await calculateJwkThumbprint(signer);
    const claims = { iss: 'https://executor.example', resource: 'https://executor.example', seq: 1, keys: [key] };
    directory = await new SignJWT({ ...claims, evidence: { level: 'software' }, iat: now, exp: now + 80_000 })
      .setProtectedHeader({ typ: 'dauth-executor+jws', alg: 'ES256', jwk: signer })
      .sign(identity.privateKey);
  });

  const assertSealed = (text: string): void => {
    const { envelope, zeroed } = JSON.parse(text) as { envelope: string; zeroed: boolean };
    assert.equal(parseEnvelope(envelope).header.dauth.connection, 'github');
    assert.equal(zeroed, true);
  };

  test('names nothing of Node', () => {
    assert.doesNotMatch(code, /require\("(?:node:)?\w+"\)|process\.(?:env|version)/);
  });

  test('seals in a context that has the web platform and nothing of Node', async () => {
    const web = {
      TextEncoder,
      TextDecoder,
      URL,
      URLSearchParams,
      Headers,
      Request,
      Response,
      AbortSignal,
      AbortController,
    };
    const given = {
      crypto,
      atob,
      btoa,
      structuredClone,
      setTimeout,
      clearTimeout,
      fetch: async () => new Response(directory),
    };
    const { CryptoKey } = globalThis as unknown as { CryptoKey: unknown };
    const arrays = { Uint8Array, ArrayBuffer, DataView, CryptoKey };
    const context = createContext({ ...web, ...given, ...arrays });
    assert.equal(runInContext('typeof process + typeof Buffer + typeof require', context), 'undefined'.repeat(3));
    runInContext(code, context);
    assertSealed((await runInContext(`(${SCENE})`, context)('https://executor.example', pin)) as string);
  });

  test('seals in Chromium', async (t) => {
    const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
      (name) => spawnSync('which', [name]).status === 0,
    );
    if (chromium === undefined) return t.skip('no Chromium on this machine');
    const server = createServer((request, response) => {
      if (request.url === '/.well-known/dauth-executor') return void response.end(directory);
      response.setHeader('content-type', 'text/html');
      response.end(`<script>${code.replaceAll('</script', '<\\/script')}</script><pre id=out></pre><script>
        (${SCENE})(location.origin, ${JSON.stringify(pin)}).then((t) => t, (e) => 'FAILED ' + e)
          .then((t) => { document.getElementById('out').textContent = 'RESULT' + t + 'END'; });</script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const flags = [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--virtual-time-budget=8000',
        '--dump-dom',
        url,
      ];
      const page = await new Promise<string>((resolve, reject) => {
        execFile(chromium, flags, { timeout: 60_000, maxBuffer: 2 ** 26 }, (error, stdout) =>
          error === null ? resolve(stdout) : reject(error),
        );
      });
      const [, result] = /id="out">RESULT(.*?)END/.exec(page) ?? [];
      assertSealed(result ?? `no result in the page: ${page.slice(-300)}`);
    } finally {
      server.close();
    }
  });
});
