/**
 * The executor's signed key directory (§7): what clients check against their pin before they seal. `seq` is durable and
 * rises with every change, so that an older directory is recognized. Never a private member.
 */
import { join } from 'node:path';
import {
  exactObject,
  integer,
  LIMITS,
  parseJson,
  parseThumbprint,
  TYP,
  type DirectoryKey,
  type IsolationLevel,
} from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { readIfPresent, replaceDurably } from '../journal/files.ts';
import type { Identity } from './keys.ts';

export interface DirectoryOptions {
  /** The data directory, for `seq`. */
  readonly data: string;
  readonly identity: Identity;
  readonly node: string;
  readonly resource: string;
  readonly keys: readonly DirectoryKey[];
  readonly level: IsolationLevel;
  /** Unix seconds. */
  readonly now: () => number;
}

/** Signed anew this often, so that whoever fetches it has most of a day. */
const FRESH_SECONDS = 600;

/** Serves the current directory as a compact JWS. */
export async function makeDirectory(options: DirectoryOptions): Promise<() => string> {
  const { identity, node, resource, level, now } = options;
  const keys = options.keys.map(({ jwk, kid, alg, nbf, exp }) => ({ ...jwk, kid, alg, nbf, exp }));
  const content = { iss: node, resource, keys, evidence: { level } };
  const seq = await nextSeq(join(options.data, 'directory.json'), sha256Base64url(JSON.stringify(content)));
  let signed: { readonly at: number; readonly jws: string } | undefined;
  return () => {
    const iat = now();
    if (signed === undefined || iat - signed.at >= FRESH_SECONDS || iat < signed.at) {
      const claims = { iss: node, resource, seq, keys, evidence: { level }, iat, exp: iat + LIMITS.directorySeconds };
      signed = { at: iat, jws: identity.sign(TYP.directory, claims) };
    }
    return signed.jws;
  };
}

/** The durable number of this content: the last one, or one more where anything changed. */
async function nextSeq(path: string, digest: string): Promise<number> {
  const file = readIfPresent(path);
  let seq = 0;
  if (file !== undefined) {
    const last = exactObject(parseJson(file.toString('utf8'), 1_024), path, ['seq', 'digest']);
    seq = integer(last.seq, '"seq"', 1, Number.MAX_SAFE_INTEGER);
    if (parseThumbprint(last.digest, '"digest"') === digest) return seq;
  }
  await replaceDurably(path, Buffer.from(JSON.stringify({ seq: seq + 1, digest }), 'utf8'));
  return seq + 1;
}
