/**
 * What a client may say about itself, checked once for all three ways in: an operator's registration, one of its own
 * (RFC 7591), and a document behind its id (CIMD). Never takes a redirect URI that two parsers could read as two places.
 */
import { DAuthError, distinct, isObject, list, refuse, text, type JsonObject, type PublicJwk } from '@dauth/protocol';
import { signingJwk } from '../config.ts';
import { CLIENT_DEFAULTS, type Client } from '../store/registry.ts';

export const CODE = 'authorization_code';
const REFRESH = 'refresh_token';
const OWN = 'client_credentials';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const ASSERTION = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** What an operator may register a client for; token exchange is for MCP servers alone. */
const GRANTS: ReadonlySet<unknown> = new Set([CODE, REFRESH, OWN, DEVICE, ASSERTION]);
/** What a client may register itself for: grants that a person says yes to, each time or once. */
const CONSENTED: ReadonlySet<unknown> = new Set([CODE, REFRESH, DEVICE]);

const MAX_URIS = 16;
const MAX_URI = 512;
/** Keys that are read before the one for signatures is looked for. */
const MAX_KEYS = 16;

/** What all three ways come to. */
export type Metadata = Pick<Client, 'auth' | 'jwk' | 'grants' | 'redirect_uris'>;

/** A redirect URI is refused under a code of its own (RFC 7591 §3.2.2). */
export class RedirectUriError extends DAuthError {
  constructor(detail: string) {
    super('INVALID_REQUEST', detail);
    this.name = 'RedirectUriError';
  }
}

/** Members as an operator writes them. @throws DAuthError `INVALID_REQUEST` */
export function parseMetadata(of: JsonObject): Metadata {
  const auth = of.auth === undefined ? CLIENT_DEFAULTS.auth : parseAuth(of.auth);
  if ((auth === 'none') !== (of.jwk === undefined))
    refuse('A client has a key ("jwk"), or is public ("auth": "none") and has none.');
  const grants = of.grants === undefined ? [auth === 'none' ? CODE : OWN] : parseGrants(of.grants, '"grants"');
  if (!grants.every((grant) => GRANTS.has(grant)))
    refuse(`A client may use the grant types ${[...GRANTS].join(', ')}.`);
  const redirect_uris = of.redirect_uris === undefined ? [] : parseRedirectUris(of.redirect_uris);
  return assertConsistent({ auth, jwk: auth === 'none' ? null : signingJwk(of.jwk), grants, redirect_uris });
}

/**
 * Members as RFC 7591 names them, of a client that no operator knows. Unknown members, and grants that are not for it, are
 * left out (§2): the answer, or the consent page, says what it got.
 * @param keys of its `jwks_uri`, fetched where it names one
 * @throws RedirectUriError; DAuthError `INVALID_REQUEST`
 */
export function parseOwnMetadata(of: JsonObject, keys?: unknown): Metadata {
  const jwks = keys ?? of.jwks;
  const auth = parseOwnAuth(of.token_endpoint_auth_method, jwks !== undefined);
  if (of.dpop_bound_access_tokens !== undefined && of.dpop_bound_access_tokens !== true)
    refuse('Tokens are bound to a key (DPoP); only an operator can exempt a client from that.');
  const redirect_uris = parseRedirectUris(of.redirect_uris ?? []);
  const asked = of.grant_types === undefined ? [CODE] : parseGrants(of.grant_types, '"grant_types"');
  const grants = asked.filter((grant) => CONSENTED.has(grant));
  if (!grants.includes(CODE)) refuse('"grant_types" needs authorization_code.');
  return assertConsistent({ auth, jwk: auth === 'none' ? null : parseOneKey(jwks), grants, redirect_uris });
}

/** RFC 7591 §2 would take a client that says nothing for one with a secret; a secret is never given here. */
function parseOwnAuth(method: unknown, hasKeys: boolean): Client['auth'] {
  if (method === undefined && !hasKeys) return 'none';
  const auth = parseAuth(method);
  if ((auth === 'none') === hasKeys) refuse('"private_key_jwt" goes with one key in "jwks", and "none" goes without.');
  return auth;
}

function parseAuth(value: unknown): Client['auth'] {
  if (value === 'private_key_jwt' || value === 'none') return value;
  return refuse('Clients authenticate with private_key_jwt, or are public (none). There are no shared secrets.');
}

/** One key for signatures: of several, a stolen old one would go on being good. */
function parseOneKey(jwks: unknown): PublicJwk {
  const keys = list(isObject(jwks) ? jwks.keys : undefined, '"jwks"', 1, MAX_KEYS, (key) => key);
  const signing = keys.filter((key) => !isObject(key) || key.use !== 'enc');
  if (signing.length !== 1) refuse('"jwks" must hold exactly one key for signatures.');
  return signingJwk(signing[0]);
}

function parseGrants(value: unknown, what: string): readonly string[] {
  return distinct(
    list(value, what, 1, 8, (item) => text(item, 'A grant type', 128)),
    what,
    String,
  );
}

function assertConsistent(metadata: Metadata): Metadata {
  const { auth, grants, redirect_uris: uris } = metadata;
  if (auth === 'none' && (grants.includes(OWN) || grants.includes(ASSERTION)))
    refuse('A public client has nothing of its own to show: client_credentials and jwt-bearer need a key.');
  if (grants.includes(CODE) !== uris.length > 0)
    throw new RedirectUriError('Redirect URIs and the grant type authorization_code go together.');
  if (grants.includes(REFRESH) && !grants.includes(CODE) && !grants.includes(DEVICE))
    refuse('refresh_token continues authorization_code or device_code; add one of them.');
  return metadata;
}

function parseRedirectUris(value: unknown): readonly string[] {
  try {
    return distinct(list(value, '"redirect_uris"', 0, MAX_URIS, parseRedirectUri), '"redirect_uris"', String);
  } catch (error) {
    throw error instanceof DAuthError ? new RedirectUriError(error.publicMessage) : error;
  }
}

/** RFC 8252 §7.1: a domain in reverse. Nothing that a browser runs, opens or hands to another site has a dot in its name. */
const REVERSE_DOMAIN = /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+:$/;
const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.[0-9]{1,3}){3})$/;

/** @throws RedirectUriError */
function parseRedirectUri(value: unknown): string {
  const uri = text(value, 'A redirect URI', MAX_URI);
  const url = URL.canParse(uri) ? new URL(uri) : refuse('A redirect URI must be an absolute URI.');
  // What a parser would write otherwise, another would read otherwise; a root path alone may be left out.
  if (/[^\x21-\x7e]/.test(uri) || (url.href !== uri && url.href !== `${uri}/`))
    refuse('A redirect URI must be in its plain form: lowercase scheme and host, no default port, no dot segments.');
  if (uri.includes('#')) refuse('A redirect URI has no fragment.');
  if (uri.includes('*')) refuse('A redirect URI is compared as it stands; there are no wildcards.');
  if (url.username !== '' || url.password !== '') refuse('A redirect URI has no user name or password.');
  if (url.protocol === 'https:' && url.hostname !== '') return uri;
  if (url.protocol === 'http:' && LOOPBACK.test(url.hostname)) return uri;
  if (REVERSE_DOMAIN.test(url.protocol)) return uri;
  return refuse(
    'A redirect URI is https, or http on a loopback address, or has a scheme that is a domain in reverse (com.example.app:/).',
  );
}
