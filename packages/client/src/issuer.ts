/**
 * An authority by its issuer: its metadata, and how it is asked (through oauth4webapi). Never over http except to this machine
 * itself, and never at an address of its metadata that was not checked like the issuer.
 */
import { DAuthError } from '@dauth/protocol';
import * as oauth from 'oauth4webapi';
import { boundAnswer } from './http.ts';

const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/;

type Endpoint = 'token_endpoint' | 'device_authorization_endpoint' | 'revocation_endpoint';

export class Issuer {
  /** Options of every request. */
  readonly http: {
    [oauth.customFetch]: (url: string, init: object) => Promise<Response>;
    [oauth.allowInsecureRequests]: boolean;
  };
  readonly #url: URL;
  #server: Promise<oauth.AuthorizationServer> | undefined;

  /** @throws DAuthError `INVALID_REQUEST` where a secret would travel over plain http */
  constructor(issuer: string, send: typeof fetch) {
    assertSecure(issuer);
    this.#url = new URL(issuer);
    this.http = {
      [oauth.customFetch]: async (url, init) => boundAnswer(await send(url, init)),
      [oauth.allowInsecureRequests]: issuer.startsWith('http:'),
    };
  }

  /**
   * Its metadata, where it names an endpoint that may be asked.
   * @throws DAuthError `ENCLAVE_UNAVAILABLE`; `NOT_FOUND` where it names none; `INVALID_REQUEST` for an endpoint over plain http
   */
  async discover(endpoint: Endpoint): Promise<oauth.AuthorizationServer> {
    this.#server ??= oauth
      .discoveryRequest(this.#url, { ...this.http, algorithm: 'oauth2' })
      .then((response) => oauth.processDiscoveryResponse(this.#url, response))
      .catch((error: unknown) => {
        this.#server = undefined;
        throw new DAuthError(
          'ENCLAVE_UNAVAILABLE',
          'The authority could not be reached, or does not describe itself as this issuer.',
          { cause: error },
        );
      });
    const server = await this.#server;
    const address = server[endpoint];
    if (address === undefined) throw new DAuthError('NOT_FOUND', `The authority has no ${endpoint}.`);
    // What is true of the issuer need not be true of what it names: an issuer on loopback could name any host.
    assertSecure(address);
    return server;
  }
}

/** Refuses http to anywhere but this machine. @throws DAuthError `INVALID_REQUEST` */
export function assertSecure(url: string): void {
  if (!URL.canParse(url)) throw new DAuthError('INVALID_REQUEST', 'The address of a server is not a URL.');
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return;
  throw new DAuthError('INVALID_REQUEST', 'Plain http is only for a loopback address; use https.');
}
