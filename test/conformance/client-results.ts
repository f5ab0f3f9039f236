/** How the conformance suite's mode `client` ends for `mcpProvider` in the official SDK's client. Data only. */
import type { Run } from './result.ts';

const PROGRAM =
  'A grant for programs. `mcpProvider` is for hosts with a person (RFC 6749 §4.1); programs ask through `createClient`, with `private_key_jwt` and a token that is bound to their key, and the suite gives Bearer tokens.';
const ENTERPRISE =
  "Not done by `mcpProvider`, which leads a person to the server's own authorization server. The authority takes such assertions (`jwt-bearer`).";
const NO_METADATA =
  'Refused on purpose: an authorization server without metadata does not say that it checks PKCE, and MCP has asked for metadata since 2025-06-18.';

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
    title: '`mcpProvider`, 2025-11-25',
    command: 'client --requirements 2025-11-25',
    args: ['--requirements', '2025-11-25'],
    others: [
      'elicitation-sep1034-client-defaults',
      'initialize',
      'json-schema-2020-12-preservation',
      'sse-retry',
      'tools_call',
    ],
    rows: [
      ['auth/basic-cimd', 13],
      ['auth/client-credentials-basic', 0, ['client-credentials-basic-auth FAILURE'], PROGRAM],
      ['auth/client-credentials-jwt', 0, ['client-credentials-jwt-verified FAILURE'], PROGRAM],
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
      ['auth/wif-jwt-bearer', 0, ['wif-assertion-verified FAILURE'], PROGRAM],
    ],
  },
  {
    title: '`mcpProvider`, 2026-07-28',
    command: 'client --requirements 2026-07-28',
    args: ['--requirements', '2026-07-28'],
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
      ['auth/client-credentials-basic', 0, ['client-credentials-basic-auth FAILURE'], PROGRAM],
      ['auth/client-credentials-jwt', 0, ['client-credentials-jwt-verified FAILURE'], PROGRAM],
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
      ['auth/wif-jwt-bearer', 0, ['wif-assertion-verified FAILURE'], PROGRAM],
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
