/**
 * What runs for every dispatch and computes without waiting, each on inputs that never change: the published vectors. Whatever is
 * refused throws, so nothing is counted that has become a refusal.
 */
import {
  assertRequestPath,
  parseAllow,
  parseDetails,
  parseEnvelope,
  parseInjections,
  parseOrigin,
  parsePublicJwk,
  splitTarget,
  type EcJwk,
} from '@dauth/protocol';
import {
  importKey,
  JwksCache,
  readAuthorization,
  verifyAccessToken,
  verifyDpopProof,
  verifySealProof,
} from '@dauth/verify';
import { loadRoom, type Room } from '../stage/room.ts';
import { readSealed, readVectors, type SealedVector } from '../stage/sealed-vectors.ts';

export type HotParts = Readonly<Record<string, () => unknown>>;

/** One TLS record. */
const RECORD = 16_384;

export async function makeHotParts(): Promise<HotParts> {
  const room = await loadRoom();
  return { ...(await whoAsks()), ...(await whatIsSealed(room)), ...(await whereTo(room)), ...searched(room) };
}

interface TokenVectors {
  readonly dispatch: {
    readonly now: number;
    readonly issuer: string;
    readonly resource: string;
    readonly node: string;
    readonly method: string;
    readonly path: string;
    readonly jwks: { readonly keys: readonly EcJwk[] };
    readonly accepted: readonly { readonly token: string; readonly proof: string }[];
  };
}

async function whoAsks(): Promise<HotParts> {
  const { dispatch } = await readVectors<TokenVectors>('token');
  const { now, issuer, resource, node, method, path, jwks } = dispatch;
  const [{ token, proof }] = dispatch.accepted as [{ token: string; proof: string }];
  const { kty, crv, x, y } = jwks.keys[0]!;
  const keys = importKey({ kty, crv, x, y });
  const { verified } = new JwksCache({
    url: issuer,
    fetch: () => Promise.reject(new Error('no network')),
    now: () => 0,
  });
  const options = { issuer, audience: resource, now, maxLifetime: 120, keys };
  const headers = ['Host', 'executor.example', 'Authorization', `DPoP ${token}`, 'DPoP', proof, 'Accept', '*/*'];
  const shown = { htm: method, htu: node + path, now, windowSeconds: 60, accessToken: token };
  return {
    'the headers of who asks are read': () => readAuthorization(headers),
    'a dispatch token is verified': () => verifyAccessToken(token, { ...options, verified: undefined }),
    'a dispatch token is verified again': () => verifyAccessToken(token, { ...options, verified }),
    'a DPoP proof is verified': () => verifyDpopProof(proof, shown),
  };
}

async function whatIsSealed({ openEnvelope }: Room): Promise<HotParts> {
  const sealed = await readSealed();
  const [{ text, envelope, sealProof }] = sealed as [SealedVector];
  const { handle, ver } = envelope.header.dauth;
  const openings = sealed.map(({ envelope, key }) => {
    return [`an envelope is opened (${key.alg})`, () => openEnvelope(envelope, key)[Symbol.dispose]()] as const;
  });
  return {
    'an envelope is parsed': () => parseEnvelope(text),
    'a seal proof is verified': () => verifySealProof(sealProof!, { handle, ver, envelope: text }),
    ...Object.fromEntries(openings),
  };
}

interface DispatchVectors {
  readonly handle: string;
  readonly calls: {
    readonly allow: unknown;
    readonly details: unknown;
    readonly items: readonly {
      readonly inject: unknown;
      readonly fields: { readonly token: string };
      readonly request: { readonly method: string; readonly target: string };
    }[];
  };
}

async function whereTo({ decideTarget, inject, Plaintext }: Room): Promise<HotParts> {
  const { handle, calls } = await readVectors<DispatchVectors>('dispatch');
  const [{ inject: slots, fields, request }] = calls.items as [DispatchVectors['calls']['items'][number]];
  const injections = parseInjections(slots);
  const permit = {
    handle,
    caller: { claims: { details: parseDetails(calls.details) } },
    policy: { allow: parseAllow(calls.allow), inject: injections },
  };
  const headers = [
    ['accept', 'application/json'],
    ['user-agent', 'a tool'],
  ];
  const wish = { method: request.method, target: request.target, origin: undefined, headers };
  // Spec §2: the field's name, then its value, each behind its length, padded.
  const value = Buffer.from(fields.token);
  const octets = Buffer.alloc(64);
  Buffer.concat([Buffer.of(5), Buffer.from('token'), Buffer.of(0, value.length), value]).copy(octets);
  const fillable = { ...request, headers, host: 'api.example', isTls: true, body: Buffer.alloc(0), atMs: 0 };
  return {
    'an origin and a target are read': () => {
      assertRequestPath(splitTarget('/repos/o/r/issues?page=2').path);
      return parseOrigin('https://api.github.com');
    },
    'a request is decided': () => decideTarget(wish, permit),
    'a request is filled': () => {
      using plaintext = new Plaintext(Buffer.from(octets), Buffer.alloc(32));
      return inject(plaintext, injections, fillable);
    },
  };
}

function searched({ Forms, Scanner }: Room): HotParts {
  const secret = Buffer.from(`sk_${'0123456789abcdef'.repeat(2)}`);
  const forms = new Forms([secret]);
  const record = Buffer.alloc(RECORD, '{"data":"as an answer says it"}\n');
  return {
    'the forms of a credential are written': () => new Forms([secret])[Symbol.dispose](),
    'a record of an answer is searched': () => {
      const scanner = new Scanner(forms);
      return [scanner.push(record), scanner.end()];
    },
  };
}

/** What the counter itself is tried on: so many octets in objects, so many in a buffer, and a part that got dearer. */
export function makeControls(parts: HotParts): HotParts {
  const parse = parts[DEARER]!;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) };
  return {
    objects: () => Array.from({ length: 1_000 }, () => 0),
    octets: () => new ArrayBuffer(10_000),
    dearer: () => [parse(), ...Array.from({ length: 20 }, () => parsePublicJwk(jwk))],
  };
}

/** The part that `dearer` does, and more. */
export const DEARER = 'an envelope is parsed';
