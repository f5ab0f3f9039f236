/**
 * Every kind of credential whose rest in memory is measured, by the word that the codec knows it by. A word without a row does
 * not compile, so whoever adds a kind measures it.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { parseInjections, type Injection, type SigningAlg } from '@dauth/protocol';
import { deriveAwsKeys } from './aws.test-support.ts';
import { materialOf } from './certified-key.test-support.ts';
import type { ClientIdentity, ClientKind } from './client-certificates.test-support.ts';
import { done, row, type Database } from './database.test-support.ts';
import type { CallOrder } from './memory.child.test-support.ts';
import type { Look, Use } from './memory.test-support.ts';
import { privateKey, type KeyForm } from './private-keys.test-support.ts';

type WordOf<I> = I extends { in: infer Place } ? Place : I extends { scheme: infer Name } ? Name : never;
export type Word = WordOf<Injection> | 'websocket' | 'captured';

/** Where a kind is used: an upstream that echoes with a token endpoint beside it, and a database of each login. */
export interface Places {
  readonly origin: string;
  readonly databases: Readonly<Record<keyof typeof LOGIN_KEYS, Database>>;
  /** What the token endpoint gives. */
  readonly given: Readonly<Record<string, Buffer>>;
  /** A login whose answers are captured. */
  readonly login: Use;
  /** Certificates, two of each kind that was asked for. */
  readonly clients: Readonly<Partial<Record<ClientKind, readonly ClientIdentity[]>>>;
  /** Settles when no socket is open any more that a certificate was shown on. */
  readonly closed: () => Promise<void>;
}

export interface Kind {
  readonly name: string;
  /** Taken only where the C library overwrites what is freed, so measured there. */
  readonly isOverwritten?: true;
  /** Whose certificate is shown. */
  readonly client?: ClientKind;
  readonly use: (places: Places) => Use;
}

/** The path of an installation's tokens at GitHub. */
export const INSTALLATION = '/app/installations/42/access_tokens';

const ECHOES = ['/', '/?echo=body&split', '/?echo=head', '/?echo=end&size=7'].map((target) => ({ target }));
const POSTED = { method: 'POST', body: 'data'.repeat(500) };

function slot(
  name: string,
  slots: readonly object[],
  calls: readonly Partial<CallOrder>[] = ECHOES,
  look?: Look,
): Kind {
  return { name, use: () => ({ inject: parseInjections(slots), calls, ...(look === undefined ? {} : { look }) }) };
}

function body(name: string, place: object, type: string, text: string): Kind {
  const order = { method: 'POST', type, body: text };
  const calls = [order, { ...order, stream: true }, { ...order, target: '/?echo=body&split' }];
  // What the credential begins with is written with escapes where it stands.
  return slot(name, [{ in: 'body', value: 'k {token}', ...place }], calls, { prefix: 'g"h&p_' });
}

/** What signs in the place of the secret. */
export function keysMadeOf(secret: Buffer): Record<string, Buffer> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const [date, region, service, signing] = deriveAwsKeys(secret.toString(), day, 'eu-west-1', 's3');
  const decoded = Buffer.from(secret.toString(), 'base64');
  return { kDate: date!, kRegion: region!, kService: service!, kSigning: signing!, 'decoded key': decoded };
}

function signer(name: string, scheme: object): Kind {
  return slot(name, [scheme], [{}, POSTED, { target: '/?echo=body&split' }], { made: keysMadeOf });
}

/** Everything that is asked, at one endpoint. */
function at(endpoint: string, members: object): object {
  return { endpoint, ...members, ...('idp' in members ? { idp: { endpoint, ...(members.idp as object) } } : {}) };
}

function exchange(name: string, members: object, path = '/oauth/token', look: Look = {}): Kind {
  return {
    name,
    use: ({ origin, given }) => ({
      inject: parseInjections([at(origin + path, members)]),
      calls: ECHOES,
      look: { made: () => given, ...look },
    }),
  };
}

const KEYS = { RS256: 'RSA-2048', ES256: 'P-256', Ed25519: 'Ed25519', EdDSA: 'Ed25519' } as const;

/** A client that proves who it is with the key; what it asks for is not in the way. */
function clientKey(name: string, alg: SigningAlg, form: KeyForm, members: object): Kind {
  const scheme = { client_id: 'robot', private_key: '{token}', alg, ...members };
  const material = () => privateKey(KEYS[alg], form);
  return { ...exchange(name, scheme, '/oauth/token', { material }), ...overwritten(alg) };
}

function overwritten(alg: SigningAlg): Pick<Kind, 'isOverwritten'> {
  return alg === 'ES256' ? { isOverwritten: true } : {};
}

function jwtKey(name: string, alg: SigningAlg, form: KeyForm): Kind {
  const scheme = { scheme: 'jwt_bearer', alg, private_key: '{token}', iss: 'robot@project.example' };
  const material = () => privateKey(KEYS[alg], form);
  return { ...exchange(`JWT bearer, ${name}`, scheme, '/oauth/token', { material }), ...overwritten(alg) };
}

function certificate(client: ClientKind): Kind {
  return {
    ...{ name: `client certificate, ${client}`, isOverwritten: true, client },
    use({ clients, closed }) {
      const left = [...clients[client]!];
      return {
        inject: [{ scheme: 'mtls', certificate: '{certificate}', private_key: '{token}' }],
        calls: ['/', '/?echo=body&split', '/?echo=head'].map((target) => ({ target })),
        look: { material: () => materialOf(left.pop()!, client, 'pem'), closed },
      };
    },
  };
}

const SALT = Buffer.from('a salt of a role');

/** What may log in the place of a password. */
const LOGIN_KEYS = {
  'scram-sha-256'(secret: Buffer): Record<string, Buffer> {
    const salted = pbkdf2Sync(secret, SALT, 4_096, 32, 'sha256');
    const mac = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
    const client = mac('Client Key');
    const stored = createHash('sha256').update(client).digest();
    return { SaltedPassword: salted, ClientKey: client, StoredKey: stored, ServerKey: mac('Server Key') };
  },
  md5(secret: Buffer): Record<string, Buffer> {
    const raw = createHash('md5').update(secret).update('app').digest();
    return { 'MD5 hash': raw, 'MD5 hash in hex': Buffer.from(raw.toString('hex')) };
  },
};

function password(name: string, auth: keyof typeof LOGIN_KEYS): Kind {
  return {
    name,
    use({ databases: { [auth]: database } }) {
      const passwords: string[] = [];
      const answer = (_: string, __: unknown, shown: string): Buffer[] => [row(`is ${shown}`), done('SELECT 1')];
      database.script = { passwords, salt: SALT, auth: auth === 'md5' ? 'md5' : 'scram', answer };
      return {
        inject: parseInjections([{ scheme: 'postgres', user: 'app', password: '{token}', auth: [auth] }]),
        calls: ['READ', 'WRITE'].map((method) => ({ method, database: database.port })),
        look: {
          allow: [{ origin: 'postgres://db.example', methods: ['READ', 'WRITE'], paths: ['/shop'] }],
          count: () => database.logins,
          made(secret) {
            passwords.push(secret.toString());
            return LOGIN_KEYS[auth](secret);
          },
        },
      };
    },
  };
}

const AWS = {
  ...{ scheme: 'aws_sigv4', access_key: 'AKIDEXAMPLE', secret_key: '{token}', session_token: '{second}' },
  ...{ region: 'eu-west-1', service: 's3' },
};
const CLIENT = { scheme: 'client_credentials', client_id: 'robot', client_secret: '{token}' };
const basicOf = (secret: Buffer): Record<string, Buffer> => ({
  // Without the public beginning, whose pieces may lie anywhere.
  'Basic credential': Buffer.from(Buffer.from(`robot:${secret.toString()}`).toString('base64').slice(8)),
});

/** Words that the codec has no injection for come by hand. */
export const KINDS: Readonly<Record<Word, readonly Kind[]>> = {
  header: [
    slot('header', [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }], [...ECHOES, POSTED]),
    slot('header, several', [
      { in: 'header', name: 'authorization', value: 'Key {token}' },
      { in: 'header', name: 'x-api-key', value: '{second}' },
    ]),
  ],
  query: [slot('query', [{ in: 'query', name: 'key', value: '{token}' }])],
  cookie: [slot('cookie', [{ in: 'cookie', name: 'sid', value: '{token}' }])],
  path: [slot('path', [{ in: 'path', segment: 0, value: 'bot{token}' }])],
  basic: [slot('Basic', [{ in: 'basic', user: 'robot', pass: '{token}' }], ECHOES, { made: basicOf })],
  body: [
    body('body, JSON', { pointer: '/auth/key' }, 'application/json', '{"auth":{}}'),
    body('body, form', { field: 'client_secret' }, 'application/x-www-form-urlencoded', 'a=1'),
  ],
  websocket: [
    slot(
      'WebSocket handshake',
      [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
      ['/', '/?echo', '/?echo&early'].map((target) => ({ target, webSocket: true })),
    ),
  ],
  captured: [{ name: 'captured from the answer to a login', use: ({ login }) => login }],
  mtls: [certificate('RSA'), certificate('P-256'), certificate('Ed25519')],
  aws_sigv4: [
    signer('AWS Signature Version 4, in headers', { ...AWS, place: 'header' }),
    signer('AWS Signature Version 4, in the query', { ...AWS, place: 'query' }),
    slot(
      'AWS Signature Version 4, in pieces',
      [{ ...AWS, payload: 'chunks' }],
      [
        { method: 'POST', body: 'x', stream: true },
        { method: 'POST', body: 'x', stream: true, target: '/?echo=body&split' },
        { method: 'POST', body: 'data'.repeat(40_000), stream: true },
      ],
      { made: keysMadeOf },
    ),
  ],
  hmac: [
    signer('HMAC', {
      ...{ scheme: 'hmac', key: '{token}', key_encoding: 'base64', hash: 'sha512', encoding: 'base64' },
      ...{ timestamp: 'ms', sign: '{@timestamp}{@target}{@body}' },
      put: [{ in: 'header', name: 'x-signed', value: '{@timestamp} {@signature}' }],
    }),
  ],
  oauth1: [
    signer('OAuth 1.0a', {
      ...{ scheme: 'oauth1', consumer_key: 'a-key', consumer_secret: '{token}' },
      ...{ token: '{second}', token_secret: '{token}', hash: 'sha256' },
    }),
  ],
  client_credentials: [
    exchange('client credentials, Basic', { ...CLIENT, auth: 'client_secret_basic' }),
    exchange('client credentials, in the body', { ...CLIENT, auth: 'client_secret_post' }),
    clientKey('client credentials, RSA', 'RS256', 'PKCS #8', { scheme: 'client_credentials' }),
    clientKey('client credentials, P-256', 'ES256', 'SEC 1', { scheme: 'client_credentials' }),
    clientKey('client credentials, Ed25519', 'Ed25519', 'PKCS #8', { scheme: 'client_credentials' }),
  ],
  jwt_bearer: [
    jwtKey('RSA in PKCS #8', 'RS256', 'PKCS #8'),
    jwtKey('RSA in PKCS #8, DER', 'RS256', 'PKCS #8 in DER'),
    jwtKey('RSA in PKCS #1', 'RS256', 'PKCS #1'),
    jwtKey('P-256 in PKCS #8', 'ES256', 'PKCS #8'),
    jwtKey('P-256 in PKCS #8, DER', 'ES256', 'PKCS #8 in DER'),
    jwtKey('P-256 in SEC 1', 'ES256', 'SEC 1'),
    jwtKey('Ed25519 in PKCS #8', 'Ed25519', 'PKCS #8'),
    jwtKey('Ed25519 in PKCS #8, DER', 'EdDSA', 'PKCS #8 in DER'),
  ],
  github_app: [
    exchange('GitHub App', { scheme: 'github_app', private_key: '{token}', iss: '12345' }, INSTALLATION, {
      material: () => privateKey('RSA-2048', 'PKCS #1'),
    }),
  ],
  token_exchange: [
    exchange('token exchange', {
      ...{ scheme: 'token_exchange', subject_token: '{token}' },
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    }),
    clientKey('token exchange, client with a key of RSA', 'RS256', 'PKCS #1', {
      ...{ scheme: 'token_exchange', subject_token: '{second}' },
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    }),
  ],
  id_jag: [
    exchange('ID-JAG', {
      ...{ scheme: 'id_jag', client_id: 'robot', client_secret: '{second}', audience: 'https://api.example' },
      idp: {
        ...{ client_id: 'robot', client_secret: '{second}', subject_token: '{token}' },
        subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
      },
    }),
  ],
  oauth2: [
    exchange('refresh token', {
      ...{ scheme: 'oauth2', client_id: 'robot', refresh_token: '{token}' },
      ...{ client_secret: '{second}', auth: 'client_secret_post' },
    }),
    clientKey('refresh token, client with a key of P-256', 'ES256', 'PKCS #8', {
      scheme: 'oauth2',
      refresh_token: '{second}',
    }),
  ],
  postgres: [password('PostgreSQL, SCRAM-SHA-256', 'scram-sha-256'), password('PostgreSQL, MD5', 'md5')],
};

/** What a token endpoint gives for all these, in turn where there are two. */
export function makeGiven(): Readonly<Record<string, Buffer>> {
  const random = (prefix: string): Buffer => Buffer.from(`${prefix}${randomBytes(24).toString('hex')}`);
  return {
    ...{ 'an access token': random('at_'), 'another access token': random('at_') },
    'an ID-JAG': random('jag_'),
    ...{ 'a refresh token that came': random('rt_'), 'another refresh token that came': random('rt_') },
  };
}
