/**
 * Which issuers outside are believed, about what: their part of the configuration. Contradictions are sentences.
 * Never a default that trusts: without an entry the grant type does not exist, and each entry says whom it may speak of.
 */
import { DAuthError, isObject, parseResource } from '@dauth/protocol';
import { readKeySet } from '@dauth/verify';
import { z } from 'zod';

/** `iss` is compared octet by octet, so it stands here exactly as the issuer writes it, trailing slash or not. */
const issuer = z
  .string()
  .max(512)
  .refine(isPlainUrl, 'Must be the URL of the issuer exactly as it stands in "iss", without query, fragment or user.');

const resource = z.string().refine(isResource, 'Must be the resource URI of a registered MCP server.');
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'Must be one scope.');

const common = {
  issuer,
  /** Where its keys are. Default: what its OpenID Connect discovery document says. */
  jwksUri: z.string().max(2_048).refine(isPlainUrl, 'Must be a URL.').optional(),
  /** Its keys themselves, for an issuer that cannot be reached from here. */
  jwks: z.unknown().optional().refine(isKeySet, 'Must be a set of public keys, each with a "kid".'),
};

/** Enterprise-managed authorization: an identity provider says which of its users a client may act for. */
const idJag = z.strictObject({
  ...common,
  profile: z.literal('id-jag'),
  /**
   * Stands before each `sub`, so that two issuers never mean one owner. The colon is its last character and its only one:
   * no prefix begins with another, and none makes the id of a client or of the operator.
   */
  ownerPrefix: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}:$/, 'Must be a name and a colon, as in "acme:".'),
  /** Clients of this organisation only. Default: the authority's own. */
  org: z.string().min(1).max(128).optional(),
});

const rule = z.strictObject({
  /** The whole `sub`, or its beginning and a `*`. */
  subject: z
    .string()
    .max(512)
    .regex(
      // oxlint-disable-next-line no-control-regex -- controls are what this refuses
      /^[^*\u0000-\u001f]*(?:[^*\u0000-\u001f]|[:/]\*)$/,
      'Must be a subject, or one that ends with ":*" or "/*": after anything else, others could go on with their own.',
    ),
  /** Further claims that must have exactly these values. */
  claims: z.record(z.string().min(1).max(128), z.union([z.string(), z.boolean(), z.int()])).default({}),
  /** The registered client as which the workload acts. */
  client: z.string().min(1).max(512),
  resources: z.array(resource).min(1).max(64),
  scopes: z.array(scope).max(64).default([]),
});

/** Workload identity: a platform says which workload asks. */
const workload = z.strictObject({
  ...common,
  profile: z.literal('workload'),
  /** Longest life of an assertion that is taken, in seconds. Platforms renew theirs within the hour. */
  maxLife: z.int().min(60).max(86_400).default(3_600),
  /** The first that fits decides. */
  rules: z.array(rule).min(1).max(256),
});

export const trustedIssuers = z
  .array(z.discriminatedUnion('profile', [idJag, workload]))
  .max(64)
  .default([])
  .superRefine((issuers, context) => {
    const say = (message: string) => context.addIssue({ code: 'custom', message });
    if (hasTwice(issuers.map((each) => `${each.profile} ${each.issuer}`)))
      say('An issuer stands here twice with the same profile.');
    if (hasTwice(issuers.flatMap((each) => (each.profile === 'id-jag' ? [each.ownerPrefix] : []))))
      say('Two issuers have the same "ownerPrefix": their users would be the same owners.');
    if (issuers.some((each) => each.jwks !== undefined && each.jwksUri !== undefined))
      say('An issuer has "jwks" or "jwksUri", not both.');
  });

export type TrustedIssuer = z.output<typeof trustedIssuers>[number];
export type IdJagIssuer = Extract<TrustedIssuer, { profile: 'id-jag' }>;
export type WorkloadIssuer = Extract<TrustedIssuer, { profile: 'workload' }>;
export type WorkloadRule = WorkloadIssuer['rules'][number];

function hasTwice(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

function isPlainUrl(value: string): boolean {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(value) || /[?#@\\]/.test(value)) return false;
  return URL.canParse(value);
}

function isResource(value: string): boolean {
  return isTaken(() => parseResource(value) === value);
}

function isKeySet(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value) || !Array.isArray(value.keys)) return false;
  const { length } = value.keys as readonly unknown[];
  // A key that would be passed over in a fetched set is a mistake in one that was written by hand.
  return isTaken(() => length > 0 && readKeySet(value, true).size === length);
}

function isTaken(parse: () => boolean): boolean {
  try {
    return parse();
  } catch (error) {
    if (error instanceof DAuthError) return false;
    throw error;
  }
}
