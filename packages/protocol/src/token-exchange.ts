/**
 * The scheme `token_exchange` (§2.6, RFC 8693): a token of somebody, exchanged for one that the API takes.
 * Never holds a value and never asks.
 */
import { parseClientId, parseProof, PROOF_MEMBERS, proofOf, proofTemplates, type ClientProof } from './client-auth.ts';
import { exactObject, refuse, text } from './shape.ts';
import { parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';
import { parseWishes, WISHES, type Wishes } from './wishes.ts';

/** The token goes into the request as `Authorization: Bearer …`. */
export type TokenExchange = (ClientProof | { readonly auth?: undefined }) &
  Wishes & {
    readonly scheme: 'token_exchange';
    readonly endpoint: TokenEndpoint;
    readonly subject_token: Template;
    readonly subject_token_type: string;
    /** With its type. */
    readonly actor_token?: Template;
    readonly actor_token_type?: string;
    readonly requested_token_type?: string;
    /** Who asks, where the endpoint wants to know; a client that proves nothing is public. */
    readonly client_id?: Template;
  };

const REQUIRED = ['scheme', 'endpoint', 'subject_token', 'subject_token_type'];
const ACTOR = ['actor_token', 'actor_token_type'];
const CLIENT = ['client_id', ...PROOF_MEMBERS];
/** RFC 8693 §3: an absolute URI. */
const TOKEN_TYPE = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/;
const MAX_TYPE = 512;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenExchange(value: unknown): TokenExchange {
  const optional = [...ACTOR, ...CLIENT, 'requested_token_type', ...WISHES];
  const said = exactObject(value, 'A token scheme', REQUIRED, optional);
  const { actor_token: actor, actor_token_type: actorType, requested_token_type: requested } = said;
  if ((actor === undefined) !== (actorType === undefined))
    refuse('"actor_token" and "actor_token_type" are there together, or neither (RFC 8693 §2.1).');
  const endpoint = parseTokenEndpoint(said.endpoint);
  const tokens = {
    subject_token: parseTemplate(said.subject_token, true),
    ...(actor === undefined ? {} : { actor_token: parseTemplate(actor, true) }),
  };
  return Object.freeze({
    scheme: 'token_exchange',
    endpoint,
    ...tokens,
    subject_token_type: parseTokenType(said.subject_token_type, '"subject_token_type"'),
    ...(actor === undefined ? {} : { actor_token_type: parseTokenType(actorType, '"actor_token_type"') }),
    ...(requested === undefined ? {} : { requested_token_type: parseTokenType(requested, '"requested_token_type"') }),
    ...parseClient(said, endpoint, Object.values(tokens)),
    ...parseWishes(said),
  });
}

function parseClient(
  said: Readonly<Record<string, unknown>>,
  endpoint: TokenEndpoint,
  tokens: readonly Template[],
): { readonly client_id?: Template } & (ClientProof | { readonly auth?: undefined }) {
  const { client_id: id, client_secret: secret, private_key: key, auth } = said;
  if (id === undefined && (secret ?? key) !== undefined) refuse('A client that proves who it is needs "client_id".');
  const client = id === undefined ? {} : { client_id: parseClientId(id) };
  const proof = parseProof(said, endpoint, [...Object.values(client), ...tokens]);
  if (proof === undefined && auth !== undefined) refuse('"auth" needs "client_secret" or "private_key".');
  return { ...client, ...proof };
}

/** The templates whose values the endpoint is shown. */
export function exchangedTemplates(scheme: TokenExchange): readonly Template[] {
  const { subject_token: subject, actor_token: actor, client_id: id } = scheme;
  return [subject, actor, id, ...proofTemplates(proofOf(scheme))].filter((template) => template !== undefined);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenType(value: unknown, what: string): string {
  const type = text(value, what, MAX_TYPE);
  return TOKEN_TYPE.test(type) ? type : refuse(`${what} is an absolute URI, as in RFC 8693 §3.`);
}
