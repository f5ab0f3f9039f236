/**
 * Tokens for one resource at a time, for a client that proves itself by its key, by what an issuer outside says of it, or by
 * both; DPoP (through oauth4webapi). Never a Bearer token, and never a second audience.
 */
import { DAuthError, parseDetails, type ConnectionDetail } from '@dauth/protocol';
import * as oauth from 'oauth4webapi';
import { RemoteError } from './http.ts';
import { assertSecure, Issuer } from './issuer.ts';
import type { ClientKey } from './key.ts';
import type { SealedCredential } from './seal.ts';

export interface TokenRequest {
  /** RFC 8707 resource URI: the MCP server, or the authority itself. */
  readonly resource: string;
  readonly scope?: readonly string[];
  /** Connections by handle, whole or narrowed. */
  readonly connections?: readonly (string | Pick<ConnectionDetail, 'identifier' | 'locations' | 'actions'>)[];
  /** Sealed credentials to store and use in this one request (spec/dauth.md §3). */
  readonly credentials?: readonly Pick<SealedCredential, 'envelope' | 'seal_proof'>[];
}

export interface Token {
  readonly accessToken: string;
  readonly resource: string;
  readonly scope: readonly string[];
  readonly details: readonly ConnectionDetail[];
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface TokenClientOptions {
  readonly issuer: string;
  /** Authenticates with `key`. A workload has none: its assertion is all that is sent of it. */
  readonly clientId?: string;
  /** Asked for at each token request, so that it is never one that has ended. */
  readonly assertion?: () => string | Promise<string>;
  readonly key: ClientKey;
  readonly fetch: typeof fetch;
}

/** RFC 7523 §2.1. */
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** For a party without a client id, whose name is never sent. */
const NOBODY: oauth.Client = { client_id: 'nobody' };
const sendNothing: oauth.ClientAuth = () => undefined;

/** Where tokens come from: a client's own key, or a person's sign-in (device.ts). */
export interface TokenSource {
  request(wanted: TokenRequest): Promise<Token>;
}

export class TokenClient implements TokenSource {
  readonly #options: TokenClientOptions;
  readonly #issuer: Issuer;
  readonly #dpop: oauth.DPoPHandle;

  constructor(options: TokenClientOptions) {
    this.#options = options;
    this.#issuer = new Issuer(options.issuer, options.fetch);
    this.#dpop = oauth.DPoP({}, { privateKey: options.key.privateKey, publicKey: options.key.publicKey });
  }

  /** @throws RemoteError with `oauthError`; DAuthError `INVALID_REQUEST` where a secret would travel over plain http */
  async request(wanted: TokenRequest): Promise<Token> {
    const { clientId, key, assertion } = this.#options;
    assertSecure(wanted.resource);
    const server = await this.#issuer.discover('token_endpoint');
    const client = clientId === undefined ? NOBODY : { client_id: clientId };
    const authentication = clientId === undefined ? sendNothing : oauth.PrivateKeyJwt(key.privateKey);
    const grant = assertion === undefined ? 'client_credentials' : JWT_BEARER;
    const form = parameters(wanted);
    if (assertion !== undefined) form.set('assertion', await assertion());
    const options = { ...this.#issuer.http, DPoP: this.#dpop };
    const send = async (): Promise<oauth.TokenEndpointResponse> => {
      const response = await oauth.genericTokenEndpointRequest(server, client, authentication, grant, form, options);
      return oauth.processGenericTokenEndpointResponse(server, client, response);
    };
    try {
      const answer = await send().catch((error: unknown) => {
        if (!oauth.isDPoPNonceError(error)) throw error;
        return send();
      });
      return toToken(answer, wanted.resource);
    } catch (error) {
      throw asTokenError(error);
    }
  }
}

function parameters(wanted: TokenRequest): URLSearchParams {
  const details = [
    ...(wanted.credentials ?? []).map(({ envelope, seal_proof }) => ({
      type: 'dauth_credential',
      envelope,
      seal_proof,
    })),
    ...(wanted.connections ?? []).map((each) =>
      typeof each === 'string' ? { type: 'dauth_connection', identifier: each } : { type: 'dauth_connection', ...each },
    ),
  ];
  return new URLSearchParams({
    resource: wanted.resource,
    ...(wanted.scope === undefined || wanted.scope.length === 0 ? {} : { scope: wanted.scope.join(' ') }),
    ...(details.length === 0 ? {} : { authorization_details: JSON.stringify(details) }),
  });
}

export function toToken(answer: oauth.TokenEndpointResponse, resource: string): Token {
  if (answer.token_type !== 'dpop')
    throw new DAuthError('UNAUTHENTICATED', 'The authority did not bind the token to this key.');
  return Object.freeze({
    accessToken: answer.access_token,
    resource,
    scope: answer.scope === undefined || answer.scope === '' ? [] : answer.scope.split(' '),
    details: readDetails(answer.authorization_details ?? []),
    expiresAt: Date.now() + (answer.expires_in ?? 0) * 1_000,
  });
}

function readDetails(value: unknown): readonly ConnectionDetail[] {
  try {
    return parseDetails(value);
  } catch (cause) {
    throw new RemoteError('INTERNAL', 'The authority named connections in a way that this client does not know.', {
      cause,
    });
  }
}

/** What the token endpoint refused, under a code of ours; anything else as it is. */
export function asTokenError(error: unknown): unknown {
  if (error instanceof oauth.ResponseBodyError) {
    const requestId = typeof error.cause.request_id === 'string' ? error.cause.request_id : undefined;
    const code = error.status === 401 ? 'UNAUTHENTICATED' : error.status === 503 ? 'ENCLAVE_UNAVAILABLE' : 'FORBIDDEN';
    return new RemoteError(code, error.error_description ?? 'The authority refused a token.', {
      requestId,
      oauthError: error.error,
    });
  }
  return error;
}
