/** The executor as the authority's tests play it: its signed requests, and the directory it shows. */
import { randomUUID } from 'node:crypto';
import { TYP } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Signer } from '../signer.test-support.ts';
import { directoryClaims, ISSUER, type World } from '../world.test-support.ts';

/** Makes the executor show another directory from now on; `key` changes its entry, `claims` the rest, `by` who signs. */
export function showDirectory(
  world: World,
  change: { readonly key?: object; readonly claims?: object; readonly by?: Signer; readonly typ?: string } = {},
): void {
  const claims = directoryClaims(world.opening, world.kid);
  const [key] = claims.keys as readonly object[];
  const compact = (change.by ?? world.identity).proof(change.typ ?? TYP.directory, {
    ...claims,
    keys: [{ ...key, ...change.key }],
    ...change.claims,
  });
  world.executor.directory = () => new Response(compact);
}

/** A request of the executor. */
export async function asExecutor(
  world: World,
  method: string,
  path: string,
  body?: string,
  change: { key?: Signer; claims?: object } = {},
): Promise<Response> {
  const [target] = path.split('?');
  const claims = {
    ...{ htm: method, htu: `${ISSUER}${target}`, iat: world.clock.now, jti: randomUUID() },
    ...(body === undefined ? {} : { body_sha256: sha256Base64url(body) }),
    ...change.claims,
  };
  const headers = {
    'dauth-executor-proof': (change.key ?? world.identity).proof(TYP.executorProof, claims),
    'content-type': 'application/json',
  };
  return world.app.request(path, { method, headers, ...(body === undefined ? {} : { body }) });
}
