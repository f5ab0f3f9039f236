/**
 * An MCP server's standing with a stack: client and server are registered, a live dispatch token names what was sealed, and each
 * request gets a proof of its own. On the server's side none of our libraries is used, as by whoever owns such a server.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient, importKey, signProof } from '@dauth/client';
import { importJWK, SignJWT, type JWK } from 'jose';
import type { Stack } from './stack.ts';

const TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** Less than the life of a dispatch token. */
const TOKEN_MS = 60_000;

export interface Standing {
  /** The server's private key, as it stands in its file. */
  readonly key: Readonly<Record<string, string>>;
  /** Seals a credential of the client for this server. @returns the handle */
  seal(secret: string, flags: readonly string[]): Promise<string>;
  /** Seals a login, and what is captured out of its answers. @returns both handles */
  sealLogin(secret: string, flags: readonly string[]): Promise<SealedLogin>;
  /** A dispatch token for all that was sealed; it lives for a minute, or longer. */
  token(): Promise<string>;
  /** A proof for one request under a token. `htu` as it stands in the proof. */
  prove(token: string, htm: string, htu: string): Promise<string>;
}

export interface SealedLogin {
  readonly login: string;
  readonly session: string;
}

export interface StandingOptions {
  /** Where its key files go. */
  readonly dir: string;
  /** Of the upstream. */
  readonly origin: string;
  /** Tells one standing from another at the same stack. Default `laptop`, and the resource of a server that nobody calls. */
  readonly name?: string;
  readonly resource?: string;
}

/** Registers a client and a server. */
export async function takeStanding(stack: Stack, options: StandingOptions): Promise<Standing> {
  const { dir, origin, name = 'laptop', resource = 'http://127.0.0.1:1/mcp' } = options;
  const [clientFile, serverFile] = [join(dir, `${name}.jwk`), join(dir, `${name}-server.jwk`)];
  const add = async (...args: string[]) => (await stack.dauth<{ client_id: string }>(args)).client_id;
  const serverId = await add('servers', 'add', '--resource', resource, '--generate', serverFile, '--scope', 'use');
  const clientId = await add('clients', 'add', '--name', name, '--generate', clientFile);
  const { authority, executor } = stack.ready;
  const clientKey = await importKey(await readJwk(clientFile));
  const client = createClient({ issuer: authority, clientId, key: clientKey });
  const jwk = await readJwk(serverFile);
  const key = await importJWK(jwk as JWK, 'ES256');
  const connected: string[] = [];
  let held: { readonly token: string; readonly until: number } | undefined;

  const exchange = async (): Promise<string> => {
    const { accessToken } = await client.token({ resource, scope: ['use'], connections: connected });
    const now = Math.floor(Date.now() / 1_000);
    const assertion = await new SignJWT({ jti: randomUUID(), iss: serverId, sub: serverId, aud: authority, iat: now })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(now + 60)
      .sign(key);
    const form = {
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', resource: executor },
      ...{ client_assertion_type: ASSERTION, client_assertion: assertion },
      ...{ subject_token: accessToken, subject_token_type: TYPE },
      subject_dpop: await signProof(clientKey, { method: 'POST', url: resource, accessToken }),
    };
    const url = `${authority}/token`;
    const dpop = await signProof(await importKey(jwk), { method: 'POST', url });
    const response = await fetch(url, { method: 'POST', headers: { dpop }, body: new URLSearchParams(form) });
    const said = (await response.json()) as { access_token?: string };
    if (said.access_token === undefined) throw new Error(JSON.stringify(said));
    return said.access_token;
  };

  const connect = async (secret: string, flags: readonly string[]): Promise<readonly string[]> => {
    const where = ['--origin', origin, '--server', resource, '--key', clientFile, '--client-id', clientId];
    const args = ['connect', `c${connected.length}`, ...where, ...flags];
    const made = await stack.dauth<{ handle: string; captured?: { handle: string } }>(args, secret);
    const handles = [made.handle, ...(made.captured === undefined ? [] : [made.captured.handle])];
    connected.push(...handles);
    held = undefined;
    return handles;
  };

  return {
    key: jwk,
    async seal(secret, flags) {
      const [handle] = await connect(secret, flags);
      return handle!;
    },
    async sealLogin(secret, flags) {
      const [login, session] = await connect(secret, flags);
      return { login: login!, session: session! };
    },
    async token() {
      if (held === undefined || held.until <= Date.now())
        held = { token: await exchange(), until: Date.now() + TOKEN_MS };
      return held.token;
    },
    async prove(token, htm, htu) {
      const { kty, crv, x, y } = jwk;
      const claims = { htm, htu, ath: await digest(token), jti: randomUUID(), iat: Math.floor(Date.now() / 1_000) };
      const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: kty!, crv: crv!, x: x!, y: y! } };
      return new SignJWT(claims).setProtectedHeader(header).sign(key);
    },
  };
}

async function readJwk(path: string): Promise<Record<string, string>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
}

async function digest(token: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(token))).toString('base64url');
}
