/**
 * How the conformance suite's mode `client` is called for `mcpProvider` and `createClient` in the official SDK's client, and why
 * it ends as it does. Data only.
 */
import type { Run } from './result.ts';

export interface ClientRun extends Run {
  /** For the suite's command line. */
  readonly args: readonly string[];
  /** What the client says where it refuses, by scenario: that it is for this reason. */
  readonly says?: Readonly<Record<string, string>>;
}

const SECRET =
  'A grant for programs, here with a shared secret. Programs ask through `createClient`, which signs with its key (`private_key_jwt`) and shares nothing; `mcpProvider`, which takes secrets, is for hosts with a person (RFC 6749 §4.1).';
const BEARER =
  'By `createClient`. The suite then gives a Bearer token, which the client refuses: a token is bound to its key, or there is none.';
const ENTERPRISE =
  '`createClient` does not ask an identity provider for an ID-JAG (for APIs the executor does); it sends one with `private_key_jwt` and the authority takes it so; the suite takes it with a shared secret only.';
const NO_METADATA =
  'Refused on purpose: an authorization server without metadata does not say that it checks PKCE, and MCP has asked for metadata since 2025-06-18.';

/** What the client says to a Bearer token. */
const UNBOUND = 'The authority did not bind the token to this key.';

/** Of a revision that has the extensions. */
const EXTENDED = {
  reasons: {
    'auth/client-credentials-basic': SECRET,
    'auth/client-credentials-jwt': BEARER,
    'auth/enterprise-managed-authorization': ENTERPRISE,
    'auth/wif-jwt-bearer': BEARER,
  },
  says: { 'auth/client-credentials-jwt': UNBOUND, 'auth/wif-jwt-bearer': UNBOUND },
};

/** Every scenario that a revision asks of a client, the extensions, and what the suite keeps for 2025-03-26. */
export const CLIENT_RUNS: readonly ClientRun[] = [
  {
    title: '`mcpProvider` and `createClient`, 2025-11-25',
    command: 'client --requirements 2025-11-25',
    args: ['--requirements', '2025-11-25'],
    ...EXTENDED,
  },
  {
    title: '`mcpProvider` and `createClient`, 2026-07-28',
    command: 'client --requirements 2026-07-28',
    args: ['--requirements', '2026-07-28'],
    ...EXTENDED,
  },
  {
    title: '`mcpProvider`, 2025-03-26',
    command: 'client --suite backcompat',
    args: ['--suite', 'backcompat'],
    reasons: { 'auth/2025-03-26-oauth-endpoint-fallback': NO_METADATA },
    says: {
      'auth/2025-03-26-oauth-endpoint-fallback': 'publishes no metadata, so nothing says that it checks PKCE',
    },
  },
];
