/** The authority's configuration, parsed once. Contradictions are sentences; an unknown key is an error. Holds no secret. */
import { DAuthError, parsePublicJwk, parseResource, parseThumbprint, type PublicJwk } from '@dauth/protocol';
import { importKey } from '@dauth/verify';
import { z } from 'zod';
import { trustedIssuers } from './oauth/trusted-issuers.ts';

/** A value that a strict parser of ours takes, with that parser's sentence where it does not. */
function parsed<T>(parse: (value: unknown) => T): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: error instanceof DAuthError ? error.publicMessage : 'is not usable.',
      });
      return z.NEVER;
    }
  });
}

const base = parsed((value) => {
  const url = parseResource(value);
  if (new URL(url).origin !== url)
    throw new DAuthError(
      'INVALID_REQUEST',
      'Must be an origin without a path or trailing slash, as in https://auth.example.',
    );
  return url;
});

const schema = z
  .strictObject({
    /** Public base URL; https, or http on a loopback address. */
    issuer: base,
    listen: z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(0).max(65_535) }),
    /** Where `/metrics` is served, apart from everything else; nowhere without it. */
    metrics: z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(0).max(65_535) }).optional(),
    /** `sqlite:PATH`. */
    database: z
      .string()
      .regex(/^sqlite:.+/, 'Must be sqlite:PATH.')
      .refine(
        (value) => !/^sqlite:(?::memory:|file:)/.test(value),
        'Must name a file: what is acknowledged has to survive a restart.',
      ),
    executor: z.strictObject({
      resource: base,
      /** RFC 7638 thumbprint of the executor's identity key. */
      identity: parsed((value) => parseThumbprint(value, 'The executor identity')),
    }),
    /** The operator's client: its public key. */
    operator: z.strictObject({ jwk: parsed(signingJwk) }),
    org: z.string().min(1).max(128).default('default'),
    /** Whether a code for the first person is made at the start, and said on the `listening` line, while there is nobody. */
    firstRun: z.boolean().default(false),
    /** Whether clients that an operator marked may have tokens without a key (spec/dauth.md §4). */
    bearerException: z.enum(['marked-clients', 'off']).default('marked-clients'),
    /** The signing keys: days until one is replaced (0: never by itself), seconds the next one is published ahead. */
    keys: z
      .strictObject({
        rotateAfter: z.int().min(0).max(3_650).default(90),
        /** Longer than verifiers keep a key set: 300 s as we say, 600 s where a library does not listen, and a minute. */
        publishAhead: z.int().min(15).max(86_400).default(660),
      })
      .prefault({}),
    lifetimes: z
      .strictObject({
        /** Seconds, at most 300. */
        accessToken: z.int().min(10).max(300).default(300),
        /** Seconds, at most 120. */
        dispatchToken: z.int().min(5).max(120).default(120),
      })
      .prefault({}),
    /** What is fetched from outside: issuers' metadata and keys, and documents of clients. */
    outside: z
      .strictObject({
        /** PEM files added to the trust store. */
        ca: z.array(z.string().min(1)).max(32).default([]),
        /** Tests and demos only: lets http and loopback addresses be fetched from. Refused with a public listen address. */
        dangerouslyAllowLoopback: z.boolean().default(false),
      })
      .prefault({}),
    /** Issuers whose assertions are taken (`jwt-bearer`). None by default. */
    trustedIssuers,
    /** Clients that no operator registered. */
    clients: z
      .strictObject({
        /** Whether a client id may be the URL of a document, and on which hosts alone (as in a URL, with the port). */
        documents: z.boolean().default(true),
        documentHosts: z.array(z.string().min(1).max(260)).max(256).optional(),
        /** Whether anybody may register a client (RFC 7591). */
        registration: z.enum(['off', 'open']).default('off'),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    const say = (message: string) => context.addIssue({ code: 'custom', message });
    for (const [name, value] of [
      ['issuer', config.issuer],
      ['executor.resource', config.executor.resource],
    ] as const) {
      if (value.startsWith('http:') && !isLoopback(new URL(value).hostname))
        say(`"${name}" must be https, because it is not a loopback address.`);
    }
    if (config.issuer.startsWith('http:') && !isLoopback(config.listen.host))
      say('"listen.host" must be a loopback address while "issuer" is http.');
    const { metrics, listen } = config;
    if (metrics !== undefined && metrics.port !== 0 && metrics.port === listen.port)
      say('"metrics" must have a port of its own: what it says is for the operator, not for callers.');
    if (config.outside.dangerouslyAllowLoopback && !isLoopback(listen.host))
      say('"outside.dangerouslyAllowLoopback" is for tests and demos: it cannot be used with a public "listen.host".');
    for (const { issuer, jwksUri } of config.trustedIssuers) {
      if (
        [issuer, jwksUri ?? issuer].some((url) => url.startsWith('http:')) &&
        !config.outside.dangerouslyAllowLoopback
      )
        say('"trustedIssuers" must be https: whoever is between could put other keys in the place of theirs.');
      if (issuer === config.issuer) say('"trustedIssuers" cannot name this authority itself.');
    }
    if (!config.clients.documents && config.clients.documentHosts !== undefined)
      say('"clients.documentHosts" names hosts of documents that "clients.documents" switches off.');
    if (config.issuer === config.executor.resource)
      say('"issuer" and "executor.resource" must differ: a token for one would work at the other.');
  });

export type AuthorityConfig = z.output<typeof schema>;

/** @throws Error with a sentence per contradiction */
export function parseConfig(value: unknown): AuthorityConfig {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    result.error.issues.map((issue) => `${issue.path.join('.') || 'configuration'}: ${issue.message}`).join('\n'),
  );
}

/** A public key that can verify signatures; one for key agreement could never authenticate anybody. */
export function signingJwk(value: unknown): PublicJwk {
  const jwk = parsePublicJwk(value);
  importKey(jwk);
  return jwk;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
