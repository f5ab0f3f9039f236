/**
 * Clients at a token endpoint (§2.6): who asks, and how it proves that, by a secret that is shown or by a key that signs.
 * Never holds a value and never signs.
 */
import { parseIdentifier, parseKeyField, parseSigningAlg, type SigningAlg } from './jwt-bearer.ts';
import { refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';
import type { TokenEndpoint } from './token-endpoint.ts';

/** RFC 6749 §2.3.1. */
export interface SecretProof {
  readonly auth: 'client_secret_basic' | 'client_secret_post';
  readonly client_secret: Template;
}

/** RFC 7523 §2.2. */
export interface KeyProof {
  readonly auth: 'private_key_jwt';
  /** As for `jwt_bearer`: exactly one field. */
  readonly private_key: Template;
  readonly alg: SigningAlg;
  readonly kid?: Template;
  /** Whom the assertion is for: by default the endpoint, or the issuer behind it where that wants to be named. */
  readonly aud: Template;
}

export type ClientProof = SecretProof | KeyProof;

/** A client that proves who it is. */
export type ProvenClient = { readonly client_id: Template } & ClientProof;

/** As a caller writes it: what has a default may be left out. */
export type ClientProofInput =
  | { readonly auth?: SecretProof['auth']; readonly client_secret: Template }
  | (Omit<KeyProof, 'auth' | 'aud'> & { readonly auth?: KeyProof['auth']; readonly aud?: Template });

const KEY_MEMBERS = ['private_key', 'alg', 'kid', 'aud'] as const;
/** Of a client that may prove who it is; a scheme's codec takes these among its own. */
export const PROOF_MEMBERS: readonly string[] = ['client_secret', 'auth', ...KEY_MEMBERS];

type Said = Readonly<Record<string, unknown>>;

/**
 * The proof among the members of a scheme; undefined where there is none, and nothing that belongs to one but `auth`.
 * @param own templates of the scheme that are shown besides: a key is no part of them
 * @throws DAuthError `INVALID_REQUEST`
 */
export function parseProof(said: Said, endpoint: TokenEndpoint, own: readonly Template[]): ClientProof | undefined {
  const { client_secret: secret, private_key: key, auth } = said;
  if (secret !== undefined && key !== undefined) refuse('"client_secret" and "private_key" exclude each other.');
  if (key !== undefined) return parseKeyProof(said, endpoint, own);
  if (auth === 'private_key_jwt' || KEY_MEMBERS.some((name) => said[name] !== undefined))
    refuse('"alg", "kid", "aud" and the "auth" "private_key_jwt" need "private_key".');
  if (secret === undefined) return undefined;
  const how = auth === undefined ? 'client_secret_basic' : auth;
  if (how !== 'client_secret_basic' && how !== 'client_secret_post')
    return refuse('"auth" is "client_secret_basic" or "client_secret_post" where there is a "client_secret".');
  return { client_secret: parseTemplate(secret, true), auth: how };
}

/** RFC 7523 §3. */
function parseKeyProof(said: Said, endpoint: TokenEndpoint, own: readonly Template[]): KeyProof {
  if (said.auth !== undefined && said.auth !== 'private_key_jwt')
    refuse('"auth" is "private_key_jwt" where there is a "private_key".');
  const proof = {
    auth: 'private_key_jwt' as const,
    private_key: parseKeyField(said.private_key),
    alg: parseSigningAlg(said.alg),
    ...(said.kid === undefined ? {} : { kid: parseIdentifier(said.kid) }),
    aud: said.aud === undefined ? endpoint : parseIdentifier(said.aud),
  };
  const shown = namedFields([...own, ...proofTemplates(proof)]);
  if (proofKeys(proof).some((field) => shown.includes(field)))
    refuse('The field of "private_key" is named nowhere else: a key is shown to nobody.');
  return proof;
}

/** A client that has to prove who it is. @throws DAuthError `INVALID_REQUEST` */
export function parseProvenClient(said: Said, endpoint: TokenEndpoint, own: readonly Template[]): ProvenClient {
  const client_id = parseClientId(said.client_id);
  const proof = parseProof(said, endpoint, [client_id, ...own]);
  return proof === undefined
    ? refuse('A client proves who it is: by "client_secret", or by "private_key" with "alg".')
    : { client_id, ...proof };
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseClientId(value: unknown): Template {
  return parseTemplate(value, false) || refuse('"client_id" must not be empty.');
}

/** The proof of a scheme that may have one. */
export function proofOf(scheme: object): ClientProof | undefined {
  // The key of another scheme, such as `jwt_bearer`, is no client's.
  return 'auth' in scheme && scheme.auth !== undefined && scheme.auth !== 'none' ? (scheme as ClientProof) : undefined;
}

/** The templates of a proof that the endpoint is shown, in the open or in what is signed; the key is none of them. */
export function proofTemplates(proof: ClientProof | undefined): readonly Template[] {
  if (proof === undefined) return [];
  if (proof.auth !== 'private_key_jwt') return [proof.client_secret];
  return proof.kid === undefined ? [proof.aud] : [proof.kid, proof.aud];
}

/** The fields of the keys by which the clients of a scheme prove who they are; none where a key is what is exchanged. */
export function proofKeys(scheme: object): readonly string[] {
  const proof = proofOf(scheme);
  const own = proof?.auth === 'private_key_jwt' ? namedFields([proof.private_key]) : [];
  return 'idp' in scheme ? [...own, ...proofKeys(scheme.idp as object)] : own;
}
