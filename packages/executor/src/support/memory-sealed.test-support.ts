/** What is sealed for a proof of `memory.clean`, which parts of it are secret, and what is searched for because of that. */
import { randomBytes, type KeyObject } from 'node:crypto';
import { injectedFields, type Injection } from '@dauth/protocol';
import { deriveKeys } from './envelope-keys.test-support.ts';
import { needlesOf, piecesOf, type Needle } from './scanner.test-support.ts';
import { sealCompact } from './sealed.test-support.ts';

export const KID = 'n9hjOrhXxsQ_lTMu3PqkjHgwJURHZPF3HY5p-LFEgyg';
const ALLOW = [{ origin: 'https://api.example', methods: ['POST'], paths: ['/**'] }];

export type Keys = Readonly<Record<string, Buffer>>;

/** What is sealed as the field `token`, and which parts of it are secret. */
export interface Material {
  readonly value: Buffer;
  readonly parts: Keys;
  /** Other fields, which are no secrets. */
  readonly beside?: Keys;
}

export interface Sealed {
  readonly envelope: string;
  readonly parts: Keys;
  readonly keys: Keys;
}

/** How what is sealed differs from the usual. */
export interface Sealing {
  /** What else is made of a secret on the way, by name. */
  readonly made?: (secret: Buffer) => Keys;
  /** What the credential begins with. */
  readonly prefix?: string;
  /** In the place of a random token. */
  readonly material?: () => Material;
  /** What the envelope allows. */
  readonly allow?: readonly object[];
}

/** @param number another one for each connection */
export async function sealMaterial(
  opening: { readonly privateKey: KeyObject; readonly publicRaw: Buffer },
  number: number,
  inject: readonly Injection[],
  { made = () => ({}), prefix = 'ghp_', material = () => randomToken(prefix), allow = ALLOW }: Sealing,
): Promise<Sealed> {
  const { value: secret, parts, beside = {} } = material();
  const dauth = {
    ...{ handle: `ddls:conn:01931e7a-2c4b-7abc-8def-${String(number).padStart(12, '0')}`, ver: 1 },
    ...{ iss: 'https://auth.example', org: 'default', owner: 'alice', connection: 'api' },
    ...{ servers: ['https://mcp.example/mcp'], allow, inject, bearer: false, iat: 1_795_000_000, exp: 1_826_536_000 },
  };
  // Long, so that it is opened in more than one piece.
  const second = injectedFields(inject).has('second') ? Buffer.from(randomBytes(450).toString('base64')) : null;
  const fields = { token: secret, ...(second === null ? {} : { second }), ...beside };
  const { envelope, enc } = await sealCompact({ kid: KID, alg: 'HPKE-3', ...opening }, dauth, fields);
  const keys = {
    ...deriveKeys(Buffer.from(enc), opening),
    ...(second === null ? {} : { 'second field': second }),
    ...made(secret),
  };
  return { envelope, parts, keys };
}

function randomToken(prefix: string): Material {
  const value = Buffer.from(`${prefix}${randomBytes(18).toString('hex')}`);
  return { value, parts: { credential: value } };
}

export function wholeNeedles(sealed: readonly Sealed[]): Needle[] {
  return sealed.flatMap(({ parts, keys }) => [
    ...Object.entries(parts).flatMap(([name, part]) => needlesOf(name, part)),
    ...Object.entries(keys).flatMap(([name, key]) => needlesOf(name, key).slice(0, 2)),
  ]);
}

export function pieceNeedles(sealed: readonly Sealed[]): Needle[] {
  return sealed.flatMap(({ parts, keys }) =>
    Object.entries({ ...parts, ...keys }).flatMap(([name, key]) => piecesOf(name, key, 8)),
  );
}
