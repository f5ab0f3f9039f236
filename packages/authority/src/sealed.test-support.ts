/** Sealed credentials for tests, as a device would make them. What is inside is random: nobody here could open it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  encodeEnvelopeHeader,
  joinEnvelope,
  makeHandle,
  parseOrigin,
  parsePathPattern,
  TYP,
  type AllowRule,
  type ConnectionHandle,
  type EnvelopePolicy,
} from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Signer } from './signer.test-support.ts';
import { addClient, call, ISSUER, MCP, type Party, type World } from './world.test-support.ts';

export interface Sealed {
  readonly handle: ConnectionHandle;
  readonly envelope: string;
  readonly seal_proof: string;
  readonly policy: EnvelopePolicy;
}

export function allow(origin: string, methods: readonly string[], paths: readonly string[]): AllowRule {
  return {
    origin: parseOrigin(origin),
    methods: methods as AllowRule['methods'],
    paths: paths.map((path) => parsePathPattern(path)),
  };
}

/** A sealed credential as a device would make it; what is inside is random, for nobody here could open it. */
export function seal(
  world: World,
  owner: string,
  key: Signer,
  change: Partial<EnvelopePolicy> = {},
  kid = world.kid,
): Sealed {
  const { now } = world.clock;
  const policy: EnvelopePolicy = {
    ...{
      handle: makeHandle(now * 1_000, randomBytes(10)),
      ver: 1,
      iss: ISSUER,
      org: 'default',
      owner,
      connection: 'github',
    },
    ...{ servers: [MCP], allow: [allow('https://api.github.com', ['GET', 'POST'], ['/repos/**', '/user'])] },
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }] as unknown as EnvelopePolicy['inject'],
    ...{ bearer: false, iat: now, exp: now + 86_400 },
    ...change,
  };
  const header = encodeEnvelopeHeader({ alg: 'HPKE-3', kid, typ: TYP.credential, crit: ['dauth'], dauth: policy });
  const envelope = joinEnvelope(header, randomBytes(32), randomBytes(64 + 16));
  return { handle: policy.handle, envelope, seal_proof: sealProof(key, policy.handle, policy.ver, envelope), policy };
}

export function sealProof(key: Signer, handle: string, ver: number, envelope: string): string {
  return key.proof(TYP.seal, { handle, ver, sha256: sha256Base64url(envelope) });
}

/** The next version of a sealed connection; `key` signs its seal proof. */
export function reseal(world: World, { policy }: Sealed, key: Signer, change: Partial<EnvelopePolicy> = {}): Sealed {
  return seal(world, policy.owner, key, { ...policy, ver: policy.ver + 1, ...change });
}

/** What a sealing key signs for a later one. */
export function endorse(by: Signer, next: Signer, handle: string): string {
  return by.proof(TYP.endorsement, { handle, jkt: next.jkt });
}

export function submission({ envelope, seal_proof }: Sealed): { envelope: string; seal_proof: string } {
  return { envelope, seal_proof };
}

/** A client with one stored connection. */
export async function connect(
  world: World,
  change: Partial<EnvelopePolicy> = {},
): Promise<{ client: Party; sealed: Sealed }> {
  const client = await addClient(world);
  const sealed = seal(world, client.id, client.key, change);
  const response = await call(world, client, 'POST', '/connections', submission(sealed));
  assert.equal(response.status, 201, await response.text());
  return { client, sealed };
}

/** A wish for a connection, whole or narrowed. */
export function wish(handle: string, members: object = {}): object {
  return { type: 'dauth_connection', identifier: handle, ...members };
}

/** A sealed credential as it is carried inline. */
export function carried(sealed: Sealed): object {
  return { type: 'dauth_credential', ...submission(sealed) };
}
