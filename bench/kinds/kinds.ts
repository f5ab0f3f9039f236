/** Kinds of credentials, each with what it is sealed as, how it is asked for, and how the API knows it when it comes. */
import type { Leaf } from '#test/support/ca.js';

export interface Kind {
  readonly name: string;
  /** Of `dauth connect`. */
  readonly flags: readonly string[];
  /** What is sealed, as it goes in by stdin. */
  readonly sealed: string;
  /** What the tool asks for; the credential is nowhere in it. */
  readonly path: string;
  readonly body?: string;
  /** Where the API has it, if the credential makes that another place. */
  readonly arrives?: string;
  /** A variable of nginx, and the expression that it has to match. */
  readonly known: readonly [variable: string, expression: string];
  /** Whether it is for the server that asks for certificates. */
  readonly certified?: true;
}

export interface Material {
  readonly origin: string;
  /** 63 octets. */
  readonly credential: string;
  /** What the token endpoint gives. */
  readonly token: string;
  readonly client: Leaf;
}

/** The one that the others are compared with. */
export const USUAL = 'header';
export const JSON_HEADERS: readonly string[] = ['content-type', 'application/json'];

export function makeKinds({ origin, credential, token, client }: Material): readonly Kind[] {
  const sealed = credential;
  const basic = Buffer.from(`robot:${credential}`).toString('base64');
  const both = ['--field', 'id', '--field', 'secret'];
  const pair = JSON.stringify({ id: 'AKIDEXAMPLE-0123456789', secret: credential });
  const signed = (scheme: object, slots: readonly string[] = []): Pick<Kind, 'flags' | 'sealed'> => ({
    flags: [...slots.flatMap((slot) => ['--inject', slot]), '--inject', JSON.stringify(scheme), ...both],
    sealed: pair,
  });
  return [
    {
      ...{ name: USUAL, sealed, path: '/header' },
      ...{ flags: [], known: ['$http_authorization', `^Bearer ${credential}$`] },
    },
    {
      ...{ name: 'query', sealed, path: '/query?page=2' },
      ...{ flags: ['--inject', 'query:key={token}'], known: ['$arg_key', `^${credential}$`] },
    },
    {
      ...{ name: 'cookie', sealed, path: '/cookie' },
      ...{ flags: ['--inject', 'cookie:session={token}'], known: ['$cookie_session', `^${credential}$`] },
    },
    {
      ...{ name: 'Basic', sealed, path: '/basic' },
      ...{ flags: ['--inject', 'basic:USER=robot,PASS={token}'], known: ['$http_authorization', `^Basic ${basic}$`] },
    },
    {
      ...{ name: 'path', sealed, path: '/segment', arrives: `/${credential}/segment` },
      ...{ flags: ['--inject', 'path:{token}'], known: ['$uri', `^/${credential}/segment$`] },
    },
    {
      ...{ name: 'body', sealed, path: '/body', body: '{"page":2}' },
      // Of the body nginx knows the length alone: that of `{"page":2,"key":"…"}`.
      ...{ flags: ['--inject', 'body:/key={token}'], known: ['$content_length', `^${17 + credential.length + 2}$`] },
    },
    {
      ...{ name: 'AWS SigV4', path: '/sigv4' },
      ...signed({
        ...{ scheme: 'aws_sigv4', access_key: '{id}', secret_key: '{secret}' },
        ...{ region: 'eu-west-1', service: 'execute-api' },
      }),
      known: ['$http_authorization', '^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE-.+, ?Signature=[0-9a-f]{64}$'],
    },
    {
      ...{ name: 'HMAC', path: '/hmac' },
      ...signed(
        {
          ...{
            scheme: 'hmac',
            key: '{secret}',
            hash: 'sha256',
            timestamp: 's',
            sign: '{@timestamp}{@method}{@target}',
          },
          put: [
            { in: 'header', name: 'x-timestamp', value: '{@timestamp}' },
            { in: 'header', name: 'x-signature', value: '{@signature}' },
          ],
        },
        ['header:x-key={id}'],
      ),
      known: ['$http_x_signature', '^[0-9a-f]{64}$'],
    },
    {
      ...{ name: 'OAuth 1.0', path: '/oauth1' },
      ...signed({ scheme: 'oauth1', consumer_key: '{id}', consumer_secret: '{secret}' }),
      known: ['$http_authorization', '^OAuth .*oauth_signature='],
    },
    {
      ...{ name: 'exchanged for a token', sealed, path: '/exchanged' },
      flags: [
        '--inject',
        JSON.stringify({
          ...{ scheme: 'client_credentials', endpoint: `${origin}/oauth/token` },
          ...{ client_id: 'robot', client_secret: '{token}' },
        }),
      ],
      known: ['$http_authorization', `^Bearer ${token}$`],
    },
    {
      ...{ name: 'client certificate', path: '/certified', certified: true },
      sealed: JSON.stringify({ certificate: client.cert, private_key: client.key }),
      flags: [
        ...['--inject', JSON.stringify({ scheme: 'mtls', certificate: '{certificate}', private_key: '{private_key}' })],
        ...['--field', 'certificate', '--field', 'private_key'],
      ],
      known: ['$ssl_client_verify', '^SUCCESS$'],
    },
  ];
}
