/** What is said of a connection in tests: by its token, by who sealed it, and by who vouches for another device. */
import { TYP, type ConnectionHandle } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Signer } from './signer.test-support.ts';

export const ORIGIN = 'https://api.github.com';

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
