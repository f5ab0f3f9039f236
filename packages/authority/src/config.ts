/** The authority's configuration, parsed once. Contradictions are sentences; an unknown key is an error. Holds no secret. */
import { parsePublicJwk, parseResource, parseThumbprint } from '@dauth/protocol';
import { z } from 'zod';

const url = z.string().refine((value) => isBase(value), 'must be an origin URL without a trailing slash, as in https://auth.example');

const schema = z
  .strictObject({
    /** Public base URL; https, or http on a loopback address. */
    issuer: url,
    listen: z.strictObject({ host: z.string().min(1), port: z.int().min(0).max(65_535) }),
    /** `sqlite:PATH`. */
    database: z.string().regex(/^sqlite:.+/, 'must be sqlite:PATH in this version'),
    executor: z.strictObject({
      resource: url,
      /** RFC 7638 thumbprint of the executor's identity key. */
      identity: z.string().refine((value) => isThumbprint(value), 'must be a key thumbprint of 43 characters'),
    }),
    /** The operator's client: its public key. */
    operator: z.strictObject({ jwk: z.unknown().transform((value) => parsePublicJwk(value)) }),
    org: z.string().min(1).max(128).default('default'),
    lifetimes: z
      .strictObject({
        /** Seconds, at most 300. */
        accessToken: z.int().min(10).max(300).default(300),
        /** Seconds, at most 120. */
        dispatchToken: z.int().min(5).max(120).default(120),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    for (const [name, value] of [['issuer', config.issuer], ['executor.resource', config.executor.resource]] as const) {
      if (value.startsWith('http:') && !isLoopback(new URL(value).hostname)) {
        context.addIssue({ code: 'custom', message: `"${name}" must be https, because it is not a loopback address.` });
      }
    }
    if (config.issuer.startsWith('http:') && !isLoopback(config.listen.host)) {
      context.addIssue({ code: 'custom', message: '"listen.host" must be a loopback address while "issuer" is http.' });
    }
  });

export type AuthorityConfig = z.output<typeof schema>;

/** @throws Error with a sentence per contradiction */
export function parseConfig(value: unknown): AuthorityConfig {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'configuration'}: ${issue.message}`).join('\n'));
}

function isBase(value: string): boolean {
  try {
    return parseResource(value) === new URL(value).origin;
  } catch {
    return false;
  }
}

function isThumbprint(value: string): boolean {
  try {
    return parseThumbprint(value, 'identity') === value;
  } catch {
    return false;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
