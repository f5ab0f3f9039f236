/**
 * The shape of `authority.trustedIssuers`, for the file's schema and its first errors. What may be trusted, and why not, says
 * the authority, which reads it again. Holds public keys at most.
 */
import { z } from 'zod';

const common = {
  issuer: z.url().describe('The issuer, exactly as it stands in "iss".'),
  jwksUri: z.url().optional().describe('Where its keys are. Default: what its OpenID Connect discovery says.'),
  jwks: z
    .strictObject({ keys: z.array(z.looseObject({})) })
    .optional()
    .describe('Its public keys themselves, for an issuer that cannot be reached from the authority.'),
};

const idJag = z.strictObject({
  ...common,
  profile: z.literal('id-jag').describe('An identity provider: enterprise-managed authorization.'),
  ownerPrefix: z.string().describe('Stands before each "sub" to make the owner: a name and a colon, as in "acme:".'),
  org: z.string().optional().describe("Clients of this organisation only. Default: the authority's own."),
});

const rule = z.strictObject({
  subject: z.string().describe('The whole "sub", or its beginning with ":*" or "/*" at the end.'),
  claims: z
    .record(z.string(), z.union([z.string(), z.boolean(), z.int()]))
    .optional()
    .describe('Further claims that must have exactly these values.'),
  client: z.string().describe('Client id as which the workload acts.'),
  resources: z.array(z.string()).describe('MCP servers it may have tokens for.'),
  scopes: z.array(z.string()).optional().describe('Scopes it may have. Default: none.'),
});

const workload = z.strictObject({
  ...common,
  profile: z.literal('workload').describe('A platform that gives its workloads an identity.'),
  maxLife: z.int().min(60).max(86_400).optional().describe('Longest life of an assertion in seconds. Default 3,600.'),
  rules: z.array(rule).describe('The first that fits decides.'),
});

export const trustedIssuers = z
  .array(z.discriminatedUnion('profile', [idJag, workload]))
  .optional()
  .describe('Issuers whose assertions are taken (grant type jwt-bearer). Default: none.');
