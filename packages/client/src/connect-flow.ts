/**
 * A person's yes at the provider of an API (RFC 6749 §4.1 with RFC 7636): where a browser is sent, and what comes back of it,
 * laid out to be sealed at once. Through oauth4webapi. Never redeems the code: only the executor can.
 */
import { DAuthError, encodeUtf8, GRANT, LIMITS, parseTokenEndpoint } from '@dauth/protocol';
import * as oauth from 'oauth4webapi';
import { boundAnswer, RemoteError } from './http.ts';
import { assertSecure } from './issuer.ts';

export interface ConnectFlowOptions {
  /** Issuer of the provider. Without `endpoints` its metadata is asked for (RFC 8414, or OpenID Connect Discovery). */
  readonly issuer?: string;
  /** Of a provider that has no metadata. */
  readonly endpoints?: { readonly authorization: string; readonly token: string };
  /** As the provider registered the app. */
  readonly clientId: string;
  /** Where the browser comes back to: https, or http on a loopback address (RFC 8252 §7.3). */
  readonly redirectUri: string;
  readonly scope?: string;
  /** RFC 8707. */
  readonly resource?: readonly string[];
  /** What else the provider wants to be asked with, such as `access_type`. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch;
}

export interface ConnectFlow {
  /** What the person opens in a browser. Good once. */
  readonly url: string;
  /** `endpoint` of the scheme `oauth2` to seal. */
  readonly tokenEndpoint: string;
  /**
   * The address that the browser came back to, as the value of the field that `refresh_token` names: code and verifier. Seal it,
   * store it and have it redeemed at once: a code lives for a minute or so.
   * @throws DAuthError `POLICY_DENIED` where it is no answer to this request, or by another issuer (RFC 9207); RemoteError with
   *   `oauthError` where the provider, or the person, said no
   */
  finish(callback: string): Uint8Array;
}

/** What is ours to say: a parameter that changes one of these would be another request. */
const OWN = new Set([
  ...['response_type', 'response_mode', 'client_id', 'redirect_uri', 'scope', 'resource', 'state'],
  ...['code_challenge', 'code_challenge_method', 'request', 'request_uri'],
]);
/** RFC 6749 Appendix A.11. */
const CODE = /^[\x20-\x7e]+$/;

/**
 * Begins a flow.
 * @example
 * const flow = await startConnectFlow({ issuer, clientId, redirectUri, scope: 'mail.read' });
 * const grant = flow.finish(await cameBack(flow.url));
 * const sealed = await seal({ executor, key, fields: { grant }, policy });
 * @throws DAuthError `INVALID_REQUEST`; `NOT_FOUND` where the provider describes nothing of the kind
 */
export async function startConnectFlow(options: ConnectFlowOptions): Promise<ConnectFlow> {
  const { clientId, redirectUri, scope, resource = [], parameters = {} } = options;
  assertSecure(redirectUri);
  if (Object.keys(parameters).some((name) => OWN.has(name)))
    throw new DAuthError('INVALID_REQUEST', 'A parameter beside the request is one that the request has itself.');
  const server = await describe(options);
  const client: oauth.Client = { client_id: clientId };
  const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
  const url = new URL(server.authorization_endpoint!);
  const asked = {
    ...{ ...parameters, response_type: 'code', client_id: clientId, redirect_uri: redirectUri, state },
    ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
    ...(scope === undefined ? {} : { scope }),
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  for (const one of resource) url.searchParams.append('resource', one);
  return {
    url: url.href,
    tokenEndpoint: server.token_endpoint!,
    finish: (callback) => layOut(verifier, readCode(callback, server, client, state)),
  };
}

/** The endpoints, as stated or as the provider says. Both are checked: what they name is where a secret goes. */
async function describe({ issuer, endpoints, fetch: send }: ConnectFlowOptions): Promise<oauth.AuthorizationServer> {
  if (endpoints === undefined && issuer === undefined)
    throw new DAuthError('INVALID_REQUEST', 'A provider is known by its issuer, or by its two endpoints.');
  const server =
    endpoints === undefined
      ? await discover(issuer!, send ?? globalThis.fetch)
      : {
          // Of a provider that names no issuer, an answer that names another one is not its.
          issuer: issuer ?? new URL(endpoints.authorization).origin,
          authorization_endpoint: endpoints.authorization,
          token_endpoint: endpoints.token,
        };
  const { authorization_endpoint: authorization, token_endpoint: token } = server;
  if (authorization === undefined || token === undefined)
    throw new DAuthError('NOT_FOUND', 'The provider names no authorization endpoint, or no token endpoint.');
  assertSecure(authorization);
  parseTokenEndpoint(token);
  // RFC 9700 §2.1.1: without PKCE somebody else's code could be put in the place of this one.
  if (server.code_challenge_methods_supported?.includes('S256') === false)
    throw new DAuthError('INVALID_REQUEST', 'The provider says that it does not take PKCE with S256.');
  return server;
}

async function discover(issuer: string, send: typeof fetch): Promise<oauth.AuthorizationServer> {
  assertSecure(issuer);
  const url = new URL(issuer);
  const options = {
    [oauth.customFetch]: async (address: string, init: object) => boundAnswer(await send(address, init)),
    [oauth.allowInsecureRequests]: url.protocol === 'http:',
  };
  const ask = (algorithm: 'oauth2' | 'oidc') => oauth.discoveryRequest(url, { ...options, algorithm });
  try {
    const first = await ask('oauth2');
    return await oauth.processDiscoveryResponse(url, first.status === 200 ? first : await ask('oidc'));
  } catch (cause) {
    const what = 'The provider could not be reached, or does not describe itself as this issuer.';
    throw new DAuthError('NOT_FOUND', `${what} State its endpoints where it has no metadata.`, { cause });
  }
}

/** RFC 6749 §4.1.2, RFC 9207 §2.4. */
function readCode(callback: string, server: oauth.AuthorizationServer, client: oauth.Client, state: string): string {
  let answer: URLSearchParams;
  try {
    answer = oauth.validateAuthResponse(server, client, new URL(callback), state);
  } catch (cause) {
    if (!(cause instanceof oauth.AuthorizationResponseError))
      throw new DAuthError('POLICY_DENIED', 'What came back is no answer to this request, or not by this provider.', {
        cause,
      });
    const said = 'The provider, or the person who was asked, did not agree.';
    throw new RemoteError('FORBIDDEN', said, { oauthError: cause.error, cause });
  }
  const code = answer.get('code') ?? '';
  const { shortestValue: least, injectedValue: most } = LIMITS;
  if (!CODE.test(code) || code.length < least || code.length + 200 > most)
    throw new DAuthError('POLICY_DENIED', 'The provider came back with a code that cannot be used.');
  return code;
}

/** Octets as `GRANT` says. */
function layOut(verifier: string, code: string): Uint8Array {
  const text = encodeUtf8(`${verifier} ${code}`);
  const value = new Uint8Array(1 + text.length);
  value[0] = GRANT.code;
  value.set(text, 1);
  text.fill(0);
  return value;
}
