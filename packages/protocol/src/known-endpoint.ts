/**
 * Known token endpoints (§2.3): where the answer to a request is a credential, which would go back to the caller. As data.
 * Never a target, whatever a policy allows. A list of what is known is never complete: the sealed paths stay the defence.
 */
import { DAuthError } from './errors.ts';
import { originParts, type Origin } from './origin.ts';
import type { AllowRule } from './policy.ts';
import { refuse } from './shape.ts';
import { loosePath } from './token-endpoint.ts';

/** Hosts that answer with credentials, or with what leads to one, wherever they are asked; `*` is one label. */
const HOSTS: readonly string[] = [
  // AWS: STS, IAM Identity Center, Cognito identity pools. Which action is asked for stands in the body, or in a header.
  ...[
    'sts.amazonaws.com',
    'sts.*.amazonaws.com',
    'sts-fips.*.amazonaws.com',
    'sts.*.amazonaws.com.cn',
    '*.sts.*.vpce.amazonaws.com',
  ],
  ...['oidc.*.amazonaws.com', 'portal.sso.*.amazonaws.com', 'cognito-identity.*.amazonaws.com'],
  // Google: workload identity federation, tokens and signatures of service accounts, refresh tokens of Firebase.
  ...['sts.googleapis.com', 'iamcredentials.googleapis.com', 'securetoken.googleapis.com'],
  // Microsoft: what people and programs sign in at.
  ...['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'],
  ...['login.windows.net', 'login.live.com'],
];

/** Last segments that name a token and nothing else. */
const TOKEN_NAMES: ReadonlySet<string> = new Set([
  ...['access_token', 'access_tokens', 'accesstoken', 'oauth_token', 'request_token', 'oauth20_token'],
]);
/** Last segments that are a token endpoint behind a segment that says so, with two between them at most: a version, a tenant. */
const SHORT_NAMES: ReadonlySet<string> = new Set(['token', 'tokens']);
const FURTHEST = 3;
const BEHIND: ReadonlySet<string> = new Set([
  ...['oauth', 'oauth2', 'oauth2.0', 'oidc', 'openid', 'openid-connect', 'connect', 'auth', 'as'],
]);

/** What a last segment may end with besides. Others are files that are named so, in a repository or a store. */
const EXTENSION = /\.(?:json|xml|oauth2|srf)$/;

/** Ends of a path, below whatever the API stands under; `*` is one segment. */
const ENDS: readonly string[] = [
  // GitHub: secrets of an App that is made from a manifest; a user's token, checked, reset or narrowed.
  ...['/app-manifests/*/conversions', '/applications/*/token', '/applications/*/token/scoped'],
  // Slack names methods of its API.
  ...['/oauth.access', '/oauth.token', '/oauth.v2.access', '/oauth.v2.exchange'],
  ...['/openid.connect.token', '/tooling.tokens.rotate'],
  // Intuit; Firebase and Identity Platform; Kubernetes; HashiCorp Vault.
  ...['/tokens/bearer', '/accounts:signinwithpassword', '/accounts:signinwithcustomtoken', '/accounts:signinwithidp'],
  ...['/serviceaccounts/*/token', '/v1/auth/*/login', '/v1/auth/*/login/*', '/v1/auth/token/create'],
];
/** Whole paths: of Google, Docker and many more; of Spotify and many more. */
const PATHS: readonly string[] = ['/token', '/api/token'];

// Taken apart once: every dispatch asks.
const HOST_PATTERNS = /* @__PURE__ */ HOSTS.map((text) => ({ text, parts: text.split('.') }));
const END_PATTERNS = /* @__PURE__ */ ENDS.map((text) => ({ text, parts: text.slice(1).split('/') }));

/**
 * Which rule says that a request would go to a known token endpoint: a host, or what the path is or ends with. Null for none.
 * @param path raw, before `?`; read as the most forgiving server would
 */
export function knownTokenEndpoint(origin: Origin, path: string): string | null {
  const labels = originParts(origin).host.split('.');
  const known = HOST_PATTERNS.find(({ parts }) => isLike(labels, parts));
  if (known !== undefined) return `the host ${known.text}`;
  const read = loosePath(path);
  const whole = PATHS.find((one) => one === read);
  if (whole !== undefined) return `the path ${whole}`;
  const segments = read.slice(1).split('/');
  const name = segments.at(-1)!.replace(EXTENSION, '');
  if (TOKEN_NAMES.has(name)) return `a path that ends with ${name}`;
  const before = segments.slice(-1 - FURTHEST, -1).findLast((segment) => BEHIND.has(segment));
  if (SHORT_NAMES.has(name) && before !== undefined) return `a path that ends with ${name}, behind ${before}`;
  const end = END_PATTERNS.find(({ parts }) => isLike(segments.slice(-parts.length), parts));
  return end === undefined ? null : `a path that ends with ${end.text}`;
}

/** @throws DAuthError `POLICY_DENIED` with the rule */
export function assertNoTokenEndpoint(origin: Origin, path: string): void {
  const rule = knownTokenEndpoint(origin, path);
  if (rule !== null)
    throw new DAuthError(
      'POLICY_DENIED',
      `This is a known token endpoint (${rule}): its answer is a credential, which never goes back. The owner can seal one that the executor exchanges there by itself.`,
    );
}

/**
 * Before it is sealed: rules that allow a known token endpoint by its very name are a mistake, since nothing is ever sent there.
 * @throws DAuthError `INVALID_REQUEST` with the rule
 */
export function assertNoKnownTarget(allow: readonly AllowRule[]): void {
  for (const { origin, paths } of allow) {
    const rule = paths.map((pattern) => knownTokenEndpoint(origin, pattern)).find((found) => found !== null);
    if (rule !== undefined && rule !== null)
      refuse(`"allow" names a known token endpoint (${rule}), where nothing is ever sent: its answer is a credential.`);
  }
}

function isLike(parts: readonly string[], pattern: readonly string[]): boolean {
  return parts.length === pattern.length && pattern.every((want, at) => want === '*' || want === parts[at]);
}
