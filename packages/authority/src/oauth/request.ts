/**
 * What an authorization request asks for (OAuth 2.1 §4.1.1, RFC 7636, RFC 8707, RFC 9396, RFC 9449 §10): one reader for
 * `/authorize` and `/par`. Never answers: a refusal is thrown, and before the redirect URI is certain it is a page of ours.
 */
import { parseThumbprint, type ConnectionWish } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import type { Client } from '../store/registry.ts';
import { readAsked } from './details.ts';
import { OAuthError, type OAuthCode } from './errors.ts';
import { need as needIn, type Form } from './form.ts';
import { settleRedirect, type Returning } from './redirect.ts';
import { offeredByPeople, settleResource } from './offered.ts';

/** What an app asks a person for, whichever way the answer goes. Plain JSON: it is stored while the person decides. */
export interface Wanted {
  readonly client_id: string;
  readonly resource: string;
  /** Null where none were asked for: then the person chooses among those the resource has. */
  readonly scopes: readonly string[] | null;
  readonly wishes: readonly ConnectionWish[];
  /** Thumbprint of the key that what comes of it is bound to; null where the token request will name it. */
  readonly jkt: string | null;
}

/** One whose answer goes back with the browser. */
export interface AuthorizationRequest extends Wanted, Returning {
  /** Whether the request named its redirect URI: then the token request repeats it (RFC 6749 §4.1.3). */
  readonly namedRedirect: boolean;
  /** `code_challenge`, S256. */
  readonly challenge: string;
  readonly prompt: readonly string[];
  /** Greatest age of the sign-in in seconds. */
  readonly maxAge: number | null;
}

/** Characters of `state`: what some hosts put there is a whole token. */
const MAX_STATE = 2_048;
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const PROMPTS = ['none', 'login', 'consent', 'select_account'];

/**
 * Where the answer goes. As long as this is not certain nothing goes anywhere (RFC 6749 §4.1.2.1).
 * @throws OAuthError `invalid_request`
 */
export function readReturning(client: Client, form: Form): Returning {
  const redirect_uri = settleRedirect(client, form.redirect_uri);
  if (redirect_uri === undefined)
    throw invalid('The redirect URI is not one that this client registered, octet for octet.');
  const { state } = form;
  const isState = state !== undefined && state.length <= MAX_STATE && /^[\x20-\x7e]+$/.test(state);
  return { redirect_uri, state: isState ? state : null };
}

/**
 * @param jkt key of the proof that came with a pushed request
 * @throws OAuthError for the redirect URI
 */
export function readRequest(
  authority: Authority,
  client: Client,
  form: Form,
  jkt: string | null = null,
): AuthorizationRequest {
  const returning = readReturning(client, form);
  if (form.request !== undefined)
    throw refuse('request_not_supported', 'Send the parameters themselves, or push them.');
  if (form.request_uri !== undefined)
    throw refuse('request_uri_not_supported', 'The only "request_uri" taken here is one that /par gave.');
  if (need(form, 'response_type') !== 'code')
    throw refuse('unsupported_response_type', 'The only response type is "code".');
  if (form.response_mode !== undefined && form.response_mode !== 'query')
    throw invalid('The only response mode is "query".');
  if (!client.grants.includes('authorization_code'))
    throw refuse('unauthorized_client', 'The client is not registered for the grant type authorization_code.');
  if (form.state !== undefined && returning.state === null)
    throw invalid(`"state" has at most ${MAX_STATE} printable ASCII characters.`);
  const challenge = readChallenge(form);
  return {
    ...readWanted(authority, client, form),
    ...{ ...returning, namedRedirect: form.redirect_uri !== undefined, challenge, jkt: readJkt(form, jkt) },
    ...{ prompt: readPrompt(form.prompt), maxAge: readMaxAge(form.max_age) },
  };
}

/** @throws OAuthError `invalid_target`, `invalid_scope`, `invalid_authorization_details` */
export function readWanted(authority: Authority, client: Client, form: Form): Omit<Wanted, 'jkt'> {
  const resource = settleResource(authority, client, form.resource);
  const scopes = readScopes(form.scope, offeredByPeople(authority, client, resource));
  const wishes = readWishes(form.authorization_details, resource === authority.config.issuer);
  return { client_id: client.client_id, resource, scopes, wishes };
}

/** RFC 7636: always, and never `plain`, which is also what a missing method would mean. */
function readChallenge(form: Form): string {
  const challenge = need(form, 'code_challenge');
  if (form.code_challenge_method !== 'S256')
    throw invalid('PKCE needs "code_challenge_method=S256"; without it the method would be "plain".');
  if (!CHALLENGE.test(challenge)) throw invalid('A "code_challenge" of S256 has 43 characters of base64url.');
  return challenge;
}

function readScopes(asked: string | undefined, offered: readonly string[]): readonly string[] | null {
  if (asked === undefined) return null;
  // Refresh tokens hang on the client's registration, so this scope of OpenID Connect is taken and changes nothing.
  const scopes = [...new Set(asked.split(' '))].filter((scope) => scope !== 'offline_access');
  if (!scopes.every((scope) => offered.includes(scope)))
    throw refuse('invalid_scope', 'A scope is not offered by this resource, or not to this client.');
  return scopes;
}

function readWishes(asked: string | undefined, isOwn: boolean): readonly ConnectionWish[] {
  const { credentials, wishes } = readAsked(asked);
  if (credentials.length > 0)
    throw refuse('invalid_authorization_details', 'A sealed credential is carried in a token request only.');
  if (isOwn && wishes.length > 0)
    throw refuse('invalid_authorization_details', 'A token for the authority itself names no connections.');
  return wishes;
}

/** RFC 9449 §10, §10.1: the proof of a pushed request and `dpop_jkt` name one key. */
function readJkt({ dpop_jkt }: Form, proven: string | null): string | null {
  if (dpop_jkt === undefined) return proven;
  if (!isThumbprint(dpop_jkt))
    throw invalid('"dpop_jkt" is the SHA-256 thumbprint of a key, 43 characters of base64url.');
  if (proven !== null && dpop_jkt !== proven) throw invalid('"dpop_jkt" and the DPoP proof name different keys.');
  return dpop_jkt;
}

function isThumbprint(value: string): boolean {
  try {
    return parseThumbprint(value, '"dpop_jkt"') === value;
  } catch {
    return false;
  }
}

function readPrompt(asked: string | undefined): readonly string[] {
  const prompt = asked === undefined ? [] : asked.split(' ');
  if (!prompt.every((each) => PROMPTS.includes(each))) throw invalid(`"prompt" is made of ${PROMPTS.join(', ')}.`);
  if (prompt.includes('none') && prompt.length > 1) throw invalid('"prompt=none" stands alone.');
  return prompt;
}

function readMaxAge(asked: string | undefined): number | null {
  if (asked === undefined) return null;
  if (!/^[0-9]{1,9}$/.test(asked)) throw invalid('"max_age" is a whole number of seconds.');
  return Number(asked);
}

function need(form: Form, name: string): string {
  return needIn(form, name, 'authorization request');
}

function invalid(description: string): OAuthError {
  return refuse('invalid_request', description);
}

function refuse(code: OAuthCode, description: string): OAuthError {
  return new OAuthError(code, description);
}
