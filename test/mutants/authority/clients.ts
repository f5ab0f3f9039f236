/** Defences of `authority`: what a client may say about itself, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const REGISTRY: readonly Mutant[] = of('api/registry', unit('clients/metadata'), [
  [
    'token.bound',
    "if (!isBound && config.bearerException === 'off')",
    "if (!isBound && config.bearerException === 'off' && body.name === '')",
    '[token.bound] where the Bearer exception is off no client is marked for it',
  ],
  [
    'token.bound',
    "if (metadata.auth === 'none' && body.owner !== undefined)",
    "if (metadata.auth === 'none' && body.owner === '')",
    '[token.bound] a client public and for an owner is refused',
  ],
]);

const METADATA: readonly Mutant[] = of('clients/metadata', unit('clients/metadata'), [
  [
    'token.bound',
    'if (!grants.every((grant) => GRANTS.has(grant)))',
    'if (grants.length === 0)',
    'a grant that no client may be registered for is refused',
  ],
  [
    'token.bound',
    "if ((auth === 'none') !== (of.jwk === undefined))",
    "if (auth !== 'none' && of.jwk === undefined)",
    '[token.bound] a client with a key and public is refused',
  ],
  [
    'token.bound',
    "if (value === 'private_key_jwt' || value === 'none') return value;",
    "if (value !== undefined) return value === 'private_key_jwt' ? value : 'none';",
    '[token.bound] a client with a shared secret is refused',
  ],
  [
    'token.bound',
    "if (auth === 'none' && (grants.includes(OWN) || grants.includes(ASSERTION)))",
    "if (auth === 'none' && grants.includes(ASSERTION))",
    '[token.bound] a client public and for itself is refused',
  ],
  [
    'token.bound',
    "if (auth === 'none' && (grants.includes(OWN) || grants.includes(ASSERTION)))",
    "if (auth === 'none' && grants.includes(OWN))",
    '[token.bound] a client public and by assertions is refused',
  ],
  [
    'token.bound',
    'if (grants.includes(CODE) !== uris.length > 0)',
    'if (uris.length > 0 && !grants.includes(CODE))',
    '[token.bound] a client for codes and with nowhere to send them is refused',
  ],
  [
    'token.bound',
    ' || (url.href !== uri && url.href !== `${uri}/`))',
    ')',
    '[token.bound] https:/app.example/callback is no redirect URI',
  ],
  [
    'token.bound',
    "if (uri.includes('#'))",
    "if (uri.startsWith('#'))",
    '[token.bound] https://app.example/a#b is no redirect URI',
  ],
  [
    'token.bound',
    "if (uri.includes('*'))",
    "if (uri.startsWith('*'))",
    '[token.bound] https://app.example/* is no redirect URI',
  ],
  [
    'token.bound',
    "if (url.username !== '' || url.password !== '')",
    "if (url.password !== '')",
    '[token.bound] https://app.example@evil.example/ is no redirect URI',
  ],
  [
    'token.bound',
    "if (url.protocol === 'http:' && LOOPBACK.test(url.hostname))",
    "if (url.protocol === 'http:')",
    '[token.bound] http://localhost.evil.example/callback is no redirect URI',
  ],
  [
    'token.bound',
    '(?:\\.[a-z0-9-]+)+:$/;',
    '(?:\\.[a-z0-9-]+)*:$/;',
    '[token.bound] javascript:alert(1) is no redirect URI',
  ],
]);

export const CLIENTS: readonly Mutant[] = [...REGISTRY, ...METADATA];
