/** How the conformance suite's mode `client` ends for `mcpProvider` and `createClient` in the official SDK's client. Data only. */
import type { Run } from './result.ts';

const SECRET =
  'A grant for programs, here with a shared secret. Programs ask through `createClient`, which signs with its key (`private_key_jwt`) and shares nothing; `mcpProvider`, which takes secrets, is for hosts with a person (RFC 6749 §4.1).';
const BEARER =
  'By `createClient`. The suite then gives a Bearer token, which the client refuses: a token is bound to its key, or there is none.';
const ENTERPRISE =
  "To get an ID-JAG from the identity provider is the host's part. `createClient` sends one with `private_key_jwt` and the authority takes it so; the suite takes it with a shared secret only.";
const NO_METADATA =
  'Refused on purpose: an authorization server without metadata does not say that it checks PKCE, and MCP has asked for metadata since 2025-06-18.';

/** What the client says to a Bearer token. */
const UNBOUND = 'The authority did not bind the token to this key.';

interface ClientRun extends Run {
  /** For the suite's command line. */
  readonly args: readonly string[];
  /** Scenarios of that run that are not about authorization: the client is not tried by them. */
  readonly others: readonly string[];
  /** What the client says where it refuses, by scenario: that it is for this reason. */
  readonly says?: Readonly<Record<string, string>>;
}

/** Every scenario that a revision asks of a client, the extensions, and what the suite keeps for 2025-03-26. */
export const CLIENT_RUNS: readonly ClientRun[] = [
  {
    title: '`mcpProvider` and `createClient`, 2025-11-25',
    command: 'client --requirements 2025-11-25',
    args: ['--requirements', '2025-11-25'],
    says: { 'auth/client-credentials-jwt': UNBOUND, 'auth/wif-jwt-bearer': UNBOUND },
    others: [
      'elicitation-sep1034-client-defaults',
      'initialize',
      'json-schema-2020-12-preservation',
      'sse-retry',
      'tools_call',
    ],
    rows: [
      ['auth/basic-cimd', 13],
      ['auth/client-credentials-basic', 0, ['client-credentials-basic-auth FAILURE'], SECRET],
      ['auth/client-credentials-jwt', 4, [], BEARER],
      ['auth/dpop', 12],
      ['auth/dpop-nonce', 14],
      [
        'auth/enterprise-managed-authorization',
        0,
        ['complete-flow-jwt-bearer FAILURE', 'complete-flow-token-exchange FAILURE'],
        ENTERPRISE,
      ],
      ['auth/metadata-default', 18],
      ['auth/metadata-var1', 18],
      ['auth/metadata-var2', 18],
      ['auth/metadata-var3', 18],
      ['auth/pre-registration', 13],
      ['auth/scope-from-scopes-supported', 14],
      ['auth/scope-from-www-authenticate', 14],
      ['auth/scope-omitted-when-undefined', 14],
      ['auth/scope-retry-limit', 23],
      ['auth/scope-step-up', 23],
      ['auth/token-endpoint-auth-basic', 19],
      ['auth/token-endpoint-auth-none', 19],
      ['auth/token-endpoint-auth-post', 19],
      ['auth/wif-jwt-bearer', 4, [], BEARER],
    ],
  },
  {
    title: '`mcpProvider` and `createClient`, 2026-07-28',
    command: 'client --requirements 2026-07-28',
    args: ['--requirements', '2026-07-28'],
    says: { 'auth/client-credentials-jwt': UNBOUND, 'auth/wif-jwt-bearer': UNBOUND },
    others: [
      'http-custom-headers',
      'http-invalid-tool-headers',
      'http-standard-headers',
      'json-schema-2020-12-preservation',
      'json-schema-ref-no-deref',
      'request-metadata',
      'sep-2322-client-request-state',
      'tools_call',
    ],
    rows: [
      ['auth/authorization-server-migration', 28],
      ['auth/basic-cimd', 12],
      ['auth/client-credentials-basic', 0, ['client-credentials-basic-auth FAILURE'], SECRET],
      ['auth/client-credentials-jwt', 4, [], BEARER],
      ['auth/dpop', 13],
      ['auth/dpop-nonce', 15],
      [
        'auth/enterprise-managed-authorization',
        0,
        ['complete-flow-jwt-bearer FAILURE', 'complete-flow-token-exchange FAILURE'],
        ENTERPRISE,
      ],
      ['auth/iss-normalized', 8],
      ['auth/iss-not-advertised', 14],
      ['auth/iss-supported', 14],
      ['auth/iss-supported-missing', 8],
      ['auth/iss-unexpected', 8],
      ['auth/iss-wrong-issuer', 8],
      ['auth/metadata-default', 18],
      ['auth/metadata-issuer-mismatch', 3],
      ['auth/metadata-var1', 18],
      ['auth/metadata-var2', 18],
      ['auth/metadata-var3', 18],
      ['auth/offline-access-not-supported', 14],
      ['auth/offline-access-scope', 12],
      ['auth/pre-registration', 12],
      ['auth/resource-mismatch', 3],
      ['auth/scope-from-scopes-supported', 14],
      ['auth/scope-from-www-authenticate', 14],
      ['auth/scope-omitted-when-undefined', 14],
      ['auth/scope-retry-limit', 24],
      ['auth/scope-step-up', 27],
      ['auth/token-endpoint-auth-basic', 19],
      ['auth/token-endpoint-auth-none', 19],
      ['auth/token-endpoint-auth-post', 19],
      ['auth/wif-jwt-bearer', 4, [], BEARER],
    ],
  },
  {
    title: '`mcpProvider`, 2025-03-26',
    command: 'client --suite backcompat',
    args: ['--suite', 'backcompat'],
    others: [],
    says: {
      'auth/2025-03-26-oauth-endpoint-fallback': 'publishes no metadata, so nothing says that it checks PKCE',
    },
    rows: [
      [
        'auth/2025-03-26-oauth-endpoint-fallback',
        0,
        ['authorization-request FAILURE', 'client-registration FAILURE', 'token-request FAILURE'],
        NO_METADATA,
      ],
      ['auth/2025-03-26-oauth-metadata-backcompat', 12],
    ],
  },
];
