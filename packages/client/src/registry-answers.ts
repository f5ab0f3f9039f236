/**
 * Who and what is registered, as the authority shows it: clients, servers, grants, people. Never believed for more than
 * display, like every other answer (answers.ts).
 */
import {
  exactObject,
  list,
  parseDetails,
  parsePublicJwk,
  parseResource,
  parseSecureUrl,
  parseThumbprint,
  seconds,
  text,
  type ConnectionDetail,
  type PublicJwk,
} from '@dauth/protocol';
import { flag, words } from './answers.ts';

export interface ClientView {
  readonly client_id: string;
  readonly name: string;
  /** `none`: a public client, without a key. */
  readonly auth: string;
  readonly jwk: PublicJwk | null;
  readonly jkt: string | null;
  readonly grants: readonly string[];
  readonly redirect_uris: readonly string[];
  readonly owner: string | null;
  readonly org: string;
  readonly scopes: readonly string[] | null;
  /** False: its tokens work for whoever has them (spec/dauth.md §4, Bearer exception). */
  readonly dpop_bound_access_tokens: boolean;
  readonly dpop_nonces: boolean;
  /** Who registered it: `operator`, `dynamic` (itself), or `document` (the one behind its id). */
  readonly source: string;
  readonly created_at: number;
}

export interface ServerView {
  readonly resource: string;
  readonly client_id: string;
  readonly scopes: readonly string[];
  /** Absent in the answer to its registration. */
  readonly org?: string;
  readonly created_at?: number;
}

export interface GrantView {
  readonly id: string;
  readonly kind: string;
  readonly owner: string;
  readonly org: string;
  readonly client_id: string;
  readonly resource: string;
  /** What was consented to; null: what the client's registration allows. */
  readonly scopes: readonly string[] | null;
  readonly details: readonly ConnectionDetail[] | null;
  readonly expires_at: number | null;
  readonly created_at: number;
}

export interface UserView {
  readonly sub: string;
  readonly org: string;
  readonly login: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly role: string;
}

/** Somebody who may come: the code is theirs alone, and works once. */
export interface InvitationView extends UserView {
  readonly code: string;
  readonly url: string;
  /** Unix seconds. */
  readonly expires_at: number;
}

export function parseClientView(value: unknown): ClientView {
  const client = exactObject(value, 'A client', [
    ...['client_id', 'name', 'auth', 'jwk', 'jkt', 'grants', 'redirect_uris', 'owner', 'org', 'scopes'],
    ...['dpop_bound_access_tokens', 'dpop_nonces', 'source', 'created_at'],
  ]);
  return Object.freeze({
    client_id: text(client.client_id, '"client_id"', 512),
    name: text(client.name, '"name"', 128),
    auth: text(client.auth, '"auth"', 64),
    jwk: client.jwk === null ? null : parsePublicJwk(client.jwk),
    jkt: client.jkt === null ? null : parseThumbprint(client.jkt, '"jkt"'),
    grants: words(client.grants, '"grants"'),
    redirect_uris: list(client.redirect_uris, '"redirect_uris"', 0, 64, (uri) => text(uri, '"redirect_uris"', 2_048)),
    dpop_bound_access_tokens: flag(client.dpop_bound_access_tokens, '"dpop_bound_access_tokens"'),
    dpop_nonces: flag(client.dpop_nonces, '"dpop_nonces"'),
    source: text(client.source, '"source"', 64),
    owner: client.owner === null ? null : text(client.owner, '"owner"', 256),
    org: text(client.org, '"org"', 128),
    scopes: client.scopes === null ? null : words(client.scopes, '"scopes"'),
    created_at: seconds(client.created_at, '"created_at"'),
  });
}

const OF_A_USER = ['sub', 'org', 'login', 'name', 'email', 'role'];

export function parseUserView(value: unknown): UserView & { readonly created_at: number } {
  const user = exactObject(value, 'A user', [...OF_A_USER, 'created_at']);
  return Object.freeze({ ...userOf(user), created_at: seconds(user.created_at, '"created_at"') });
}

export function parseInvitationView(value: unknown): InvitationView {
  const invitation = exactObject(value, 'An invitation', [...OF_A_USER, 'code', 'url', 'expires_at']);
  return Object.freeze({
    ...userOf(invitation),
    code: text(invitation.code, '"code"', 64),
    url: parseSecureUrl(invitation.url),
    expires_at: seconds(invitation.expires_at, '"expires_at"'),
  });
}

function userOf(user: Readonly<Record<string, unknown>>): UserView {
  return {
    sub: text(user.sub, '"sub"', 256),
    org: text(user.org, '"org"', 128),
    login: text(user.login, '"login"', 64),
    name: user.name === null ? null : text(user.name, '"name"', 128),
    email: user.email === null ? null : text(user.email, '"email"', 254),
    role: text(user.role, '"role"', 32),
  };
}

export function parseServerView(value: unknown): ServerView {
  const server = exactObject(value, 'A server', ['resource', 'client_id', 'scopes'], ['org', 'created_at']);
  return Object.freeze({
    resource: parseResource(server.resource),
    client_id: text(server.client_id, '"client_id"', 256),
    scopes: words(server.scopes, '"scopes"'),
    ...(server.org === undefined ? {} : { org: text(server.org, '"org"', 128) }),
    ...(server.created_at === undefined ? {} : { created_at: seconds(server.created_at, '"created_at"') }),
  });
}

export function parseGrantView(value: unknown): GrantView {
  const grant = exactObject(value, 'A grant', [
    ...['id', 'kind', 'owner', 'org', 'client_id', 'resource', 'scopes', 'details', 'expires_at', 'created_at'],
  ]);
  return Object.freeze({
    id: text(grant.id, '"id"', 256),
    kind: text(grant.kind, '"kind"', 64),
    owner: text(grant.owner, '"owner"', 256),
    org: text(grant.org, '"org"', 128),
    client_id: text(grant.client_id, '"client_id"', 256),
    resource: parseResource(grant.resource),
    scopes: grant.scopes === null ? null : words(grant.scopes, '"scopes"'),
    details: grant.details === null ? null : parseDetails(grant.details),
    expires_at: grant.expires_at === null ? null : seconds(grant.expires_at, '"expires_at"'),
    created_at: seconds(grant.created_at, '"created_at"'),
  });
}
