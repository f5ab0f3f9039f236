/**
 * The scheme `jwt_bearer` (§2.6, RFC 7523): a private key that signs an assertion, exchanged for a token.
 * Never holds a value, never signs and never asks.
 */
import { exactObject, integer, refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';
import { parseScope } from './wishes.ts';

/** `EdDSA` is the older name of `Ed25519` (RFC 9864 §4): which one a server knows, its owner says. */
const ALGS = ['RS256', 'ES256', 'Ed25519', 'EdDSA'] as const;
/** RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2. */
export type SigningAlg = (typeof ALGS)[number];

/** The token goes into the request as `Authorization: Bearer …`. */
export interface JwtBearer {
  readonly scheme: 'jwt_bearer';
  readonly endpoint: TokenEndpoint;
  /** Exactly one field, of a key in PEM (PKCS #8, PKCS #1, SEC 1) or DER (PKCS #8). */
  readonly private_key: Template;
  readonly alg: SigningAlg;
  readonly kid?: Template;
  readonly iss: Template;
  readonly sub?: Template;
  /** By default the endpoint (RFC 7523 §3). */
  readonly aud: Template;
  readonly scope?: string;
  /** Where the scope stands: in the assertion, or beside it (RFC 7521 §4.1). */
  readonly scope_in: 'claim' | 'parameter';
  /** Seconds that an assertion is good for. */
  readonly lifetime: number;
}

/** Seconds; RFC 7523 §3 wants a reasonable end, and authorization servers take an hour at most. */
const LIFETIME = { least: 60, most: 3_600, usual: 300 };

/** @throws DAuthError `INVALID_REQUEST` */
export function parseJwtBearer(value: unknown): JwtBearer {
  const required = ['scheme', 'endpoint', 'private_key', 'alg', 'iss'];
  const optional = ['kid', 'sub', 'aud', 'scope', 'scope_in', 'lifetime'];
  const said = exactObject(value, 'A token scheme', required, optional);
  const alg = parseSigningAlg(said.alg);
  const endpoint = parseTokenEndpoint(said.endpoint);
  const scopeIn = said.scope_in === undefined ? 'claim' : said.scope_in;
  if (scopeIn !== 'claim' && scopeIn !== 'parameter') refuse('"scope_in" is "claim" or "parameter".');
  const { least, most, usual } = LIFETIME;
  return Object.freeze({
    scheme: 'jwt_bearer',
    endpoint,
    private_key: parseKeyField(said.private_key),
    alg,
    ...(said.kid === undefined ? {} : { kid: parseIdentifier(said.kid) }),
    iss: parseIdentifier(said.iss),
    ...(said.sub === undefined ? {} : { sub: parseIdentifier(said.sub) }),
    aud: said.aud === undefined ? endpoint : parseIdentifier(said.aud),
    ...(said.scope === undefined ? {} : { scope: parseScope(said.scope) }),
    scope_in: scopeIn,
    lifetime: said.lifetime === undefined ? usual : integer(said.lifetime, '"lifetime"', least, most),
  });
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseSigningAlg(value: unknown): SigningAlg {
  return ALGS.find((one) => one === value) ?? refuse('"alg" is "RS256", "ES256", "Ed25519" or "EdDSA".');
}

/** The templates whose values stand in the assertion. */
export function claimTemplates({ kid, iss, sub, aud }: JwtBearer): readonly Template[] {
  return [kid, iss, sub, aud].filter((template) => template !== undefined);
}

/** Of whoever an assertion is by, for or about. @throws DAuthError `INVALID_REQUEST` */
export function parseIdentifier(value: unknown): Template {
  return parseTemplate(value, false) || refuse('A claim must not be empty.');
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseKeyField(value: unknown): Template {
  const template = parseTemplate(value, true);
  const [field] = namedFields([template]);
  if (template !== `{${field}}`) refuse('"private_key" is one field and nothing else, as in "{private_key}".');
  return template;
}
