/**
 * The executor's key directory (§7 `/.well-known/dauth-executor`), as claims of a JWS by its identity key.
 * Never trusted by being well-formed: who signed it is checked against a pin before anything is sealed.
 */
import { parseSuite, type SuiteAlg } from './envelope.ts';
import { parsePublicJwk, parseThumbprint, type PublicJwk } from './jwk.ts';
import { isObject, type JsonObject } from './json.ts';
import { LIMITS } from './limits.ts';
import { parseResource } from './origin.ts';
import { distinct, exactObject, integer, list, refuse, seconds } from './shape.ts';

/** What evidence says about the executor, weakest first (security.md "Attackers" 7). */
export const ISOLATION_LEVELS = Object.freeze(['development', 'software', 'tpm', 'hsm', 'tee'] as const);
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

export interface DirectoryKey {
  readonly jwk: PublicJwk;
  /** RFC 7638 thumbprint of `jwk`; whoever uses the key recomputes it. */
  readonly kid: string;
  readonly alg: SuiteAlg;
  readonly nbf: number;
  readonly exp: number;
}

export interface ExecutorDirectory {
  /** The executor's own base URL. */
  readonly iss: string;
  /** The `aud` of dispatch tokens for it. */
  readonly resource: string;
  /** Rises with every change; a lower one than seen before is a replay. */
  readonly seq: number;
  readonly keys: readonly DirectoryKey[];
  readonly evidence: { readonly level: IsolationLevel };
  readonly iat: number;
  readonly exp: number;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseDirectory(claims: JsonObject): ExecutorDirectory {
  const directory = exactObject(claims, 'A key directory', [
    'iss',
    'resource',
    'seq',
    'keys',
    'evidence',
    'iat',
    'exp',
  ]);
  const [iat, exp] = [seconds(directory.iat, '"iat"'), seconds(directory.exp, '"exp"')];
  if (exp <= iat || exp - iat > LIMITS.directorySeconds) refuse('A key directory is valid for at most a day.');
  const keys = list(directory.keys, '"keys"', 1, LIMITS.directoryKeys, parseDirectoryKey);
  const { level } = exactObject(directory.evidence, '"evidence"', ['level']);
  if (!ISOLATION_LEVELS.includes(level as IsolationLevel)) refuse('"evidence" names a level that is not known here.');
  return Object.freeze({
    iss: parseResource(directory.iss),
    resource: parseResource(directory.resource),
    seq: integer(directory.seq, '"seq"', 1, Number.MAX_SAFE_INTEGER),
    keys: distinct(keys, '"keys"', (key) => key.kid),
    evidence: Object.freeze({ level: level as IsolationLevel }),
    iat,
    exp,
  });
}

function parseDirectoryKey(value: unknown): DirectoryKey {
  if (!isObject(value)) refuse('A directory key must be an object.');
  const jwk = parsePublicJwk(value);
  const members = ['kty', 'crv', 'x', ...(jwk.kty === 'EC' ? ['y'] : []), 'kid', 'alg', 'nbf', 'exp'];
  exactObject(value, 'A directory key', members);
  const suite = parseSuite(value.alg);
  if (suite.kty !== jwk.kty || suite.crv !== jwk.crv) refuse('A directory key does not fit its algorithm.');
  const [nbf, exp] = [seconds(value.nbf, '"nbf"'), seconds(value.exp, '"exp"')];
  if (exp <= nbf) refuse('A directory key ends before it begins.');
  return Object.freeze({ jwk, kid: parseThumbprint(value.kid, 'A directory key id'), alg: suite.alg, nbf, exp });
}
