import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  DAuthError,
  parseAllow,
  parseDetails,
  parseHandle,
  parseInjections,
  parseMethod,
  parsePublicJwk,
  type ConnectionStatus,
} from '@dauth/protocol';
import { JwksCache, MemoryReplayStore, verifyAccessToken } from '@dauth/verify';
import { authenticate, type Caller } from './who/authenticate.ts';
import type { AuthorizeDeps, Permit } from './who/authorize.ts';
import { permit } from './who/permit.ts';
import { plaintextOf } from './support/calls.test-support.ts';
import { settleBody } from './body.ts';
import type { DispatchRequest } from './dispatch.ts';
import { inject } from './secret/inject.ts';
import { decideTarget } from './where/target.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), 'utf8'));
const isCode = (code: string) => (error: unknown) => error instanceof DAuthError && error.code === code;

// --- token.json: dispatch tokens with their proofs (step 2)

const { dispatch } = read('token.json') as {
  dispatch: {
    now: number;
    started_at: number;
    issuer: string;
    resource: string;
    node: string;
    method: string;
    path: string;
    jwks: object;
    accepted: { name: string; scheme: string; token: string; proof: string }[];
    refused: { name: string; scheme: string; token: string; proof: string; started_at?: number; code: string }[];
  };
};

interface Shown {
  readonly scheme: string;
  readonly token: string;
  readonly proof: string;
  /** Where the node started at another time than the rest. */
  readonly started_at?: number;
}

const { now, issuer, resource, node, method, path } = dispatch;
const deps = {
  ...{ issuer, resource, node, now: () => now },
  jwks: new JwksCache({
    url: `${issuer}/.well-known/jwks.json`,
    fetch: () => Promise.resolve(Response.json(dispatch.jwks)),
    now: () => 0,
  }),
  replay: new MemoryReplayStore({ now: () => now }),
} satisfies Partial<AuthorizeDeps>;
const show = ({ scheme, token, proof, started_at: startedAt = dispatch.started_at }: Shown) =>
  authenticate(
    { rawHeaders: ['Authorization', `${scheme} ${token}`, 'DPoP', proof], method, path },
    // Step 2 asks for nothing else; what step 3 asks for is not there.
    { ...deps, startedAt } as Partial<AuthorizeDeps> as AuthorizeDeps,
  );

for (const vector of dispatch.accepted) {
  test(`vector: a dispatch token with ${vector.name} is accepted`, async () => {
    assert.equal((await show(vector)).server, 'https://mcp.example/mcp');
  });
}

for (const vector of dispatch.refused) {
  test(`[token.bound] vector: a dispatch token with ${vector.name} is refused`, async () => {
    await assert.rejects(show(vector), isCode(vector.code));
  });
}

// --- dispatch.json: whose envelope (step 3), then real requests (steps 4 and 7)

interface PermitVector {
  readonly name: string;
  readonly token: string;
  readonly envelope: string;
  readonly seal_proof: string;
  readonly endorsements: readonly string[];
  readonly ver: number;
  readonly status: ConnectionStatus;
  /** What the executor remembers of the handle; absent at its first use. */
  readonly seen?: { readonly ver: number; readonly sha256: string; readonly trusted: readonly string[] };
}

const { handle, permits, calls } = read('dispatch.json') as {
  handle: string;
  permits: {
    now: number;
    issuer: string;
    resource: string;
    jwk: unknown;
    opens: { kid: string; alg: string }[];
    handle: string;
    accepted: PermitVector[];
    refused: (PermitVector & { code: string })[];
  };
  calls: {
    allow: unknown;
    details: unknown;
    items: {
      name: string;
      inject: unknown;
      fields: Record<string, string>;
      request: { method: string; target: string; origin?: string; headers?: Record<string, string>; body?: string };
      /** Unix second of the executor's clock, where the request is signed. */
      at?: number;
      /** What the executor drew, where a signature has a random nonce. */
      nonce?: string;
      sent?: { origin: string; target: string; lines: string; headers: [string, string][]; body?: string };
      code?: string;
    }[];
  };
};

function ask(vector: PermitVector): Promise<Permit> {
  const { token, envelope, seal_proof: sealProof, endorsements, ver, status, seen } = vector;
  const claims = verifyAccessToken(token, {
    ...{ issuer: permits.issuer, audience: permits.resource, now: permits.now, maxLifetime: 120 },
    keys: parsePublicJwk(permits.jwk),
  });
  const isBearer = claims.raw['ddls:bearer'] === true;
  const tokens = [claims.jti, claims.subjectJti!];
  const caller: Caller = { claims, isBearer, server: claims.act!.sub, tokens, proof: 'x.y' };
  const view = { version: () => undefined, assertStands: () => undefined };
  const known = seen === undefined ? undefined : { ver: seen.ver, digest: seen.sha256, trusted: seen.trusted };
  const room: object = {
    ...{ issuer: permits.issuer, now: () => permits.now, jwks: deps.jwks },
    opens: new Map(permits.opens.map(({ kid, alg }) => [kid, alg])),
    status: { whenFresh: () => Promise.resolve(), assertFresh: () => undefined, view },
    shelf: { take: () => Promise.resolve({ envelope, sealProof, endorsements, ver, status, revision: 1 }) },
    seen: { connection: () => known },
    pending: { settleOwed: () => undefined },
  };
  return permit(caller, parseHandle(permits.handle), room as AuthorizeDeps);
}

for (const vector of permits.accepted) {
  test(`vector: a connection ${vector.name} is permitted`, async () => {
    assert.equal((await ask(vector)).policy.handle, permits.handle);
  });
}

for (const vector of permits.refused) {
  test(`[seal.bound] vector: a connection ${vector.name} is refused`, async () => {
    await assert.rejects(ask(vector), isCode(vector.code));
  });
}

async function send({
  inject: slots,
  fields,
  request,
  at = 0,
  nonce = '',
}: (typeof calls.items)[number]): Promise<object> {
  const injections = parseInjections(slots);
  const permitted = {
    handle,
    caller: { claims: { details: parseDetails(calls.details) } },
    policy: { allow: parseAllow(calls.allow), inject: injections },
  } as object as Permit;
  const wish = {
    method: parseMethod(request.method),
    target: request.target,
    origin: request.origin,
    headers: Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const),
  };
  const to = decideTarget(wish, permitted);
  const { origin, target, headers } = to;
  const asked = { body: request.body === undefined ? null : Buffer.from(request.body) } as DispatchRequest;
  const { body, slotted } = await settleBody(asked, permitted.policy, to);
  using plaintext = plaintextOf(fields);
  const fillable = {
    ...{ method: wish.method, target, headers, host: origin.slice('https://'.length), isTls: true },
    ...{ body: Buffer.from(request.body ?? ''), atMs: at * 1_000, random: () => nonce },
  };
  const filled = inject(plaintext, injections, fillable, slotted);
  const goes = filled.body ?? (body as Buffer | null);
  return {
    origin,
    target: filled.target.toString('latin1'),
    lines: filled.lines.toString('latin1'),
    headers: headers.map(([name, value]) => [name, value]),
    ...(goes === null ? {} : { body: goes.toString('utf8') }),
  };
}

for (const item of calls.items) {
  if (item.sent !== undefined) {
    test(`vector: ${item.name} goes upstream as written`, async () => {
      assert.deepEqual(await send(item), item.sent);
    });
  } else {
    test(`[dispatch.bound] vector: ${item.name} is refused`, async () => {
      await assert.rejects(send(item), isCode(item.code!));
    });
  }
}
