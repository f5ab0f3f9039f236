/**
 * One GET over a connection of its own, to exactly the addresses that were checked.
 * Never resolves a name, never follows a redirect, never goes through a proxy, never skips a certificate check.
 */
import { X509Certificate } from 'node:crypto';
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps, type RequestOptions } from 'node:https';
import type { LookupFunction } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { OutsideError, type Fault } from './fault.ts';

/** What of an answer is looked at. */
export interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly cacheControl: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Asks for a document at one of these addresses; whatever is left of the connection ends with the signal. */
export type Dial = (url: URL, ips: readonly string[], signal: AbortSignal) => Promise<Answer>;

/** Nobody needs to know more about who asks. */
const HEADERS = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'dauth' };
const MAX_HEAD = 16_384;

/** @param extraCa PEM texts that are trusted besides Node's own roots */
export function makeDial(extraCa: readonly string[]): Dial {
  // Made for the first document: reading the roots takes 50 ms of a processor, and most authorities never ask outside.
  let trust: SecureContext | undefined;
  const trusted = (): SecureContext =>
    (trust ??= createSecureContext({ ca: [...rootCertificates, ...extraCa], minVersion: 'TLSv1.2' }));
  return (url, ips, signal) =>
    new Promise((resolve, reject) => {
      const options = { ...optionsFor(url, ips, trusted), signal };
      const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
      request.on('error', (cause) => reject(new OutsideError(faultOf(cause), { cause })));
      request.on('response', (response) => resolve(answerOf(response)));
      request.end();
    });
}

function optionsFor(url: URL, ips: readonly string[], trusted: () => SecureContext): RequestOptions {
  const common = { lookup: answering(ips), headers: HEADERS, maxHeaderSize: MAX_HEAD, insecureHTTPParser: false };
  // An agent of its own: no connection is shared, none is kept, and none goes where an environment variable says.
  if (url.protocol === 'http:') return { ...common, agent: new HttpAgent({ keepAlive: false }) };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isName = /[a-z]/.test(host) && !host.includes(':');
  return {
    ...common,
    ...({ secureContext: trusted() } as object),
    agent: new HttpsAgent({ keepAlive: false, maxCachedSessions: 0 }),
    servername: isName ? host : '',
    // Said although it is the default: an environment variable can turn the default off.
    rejectUnauthorized: true,
    checkServerIdentity: (_, { raw }) => (speaksFor(raw, host, isName) ? undefined : anotherHost()),
  };
}

/** In the place of the system's resolver: whatever name is asked for, the checked addresses are its answer. */
function answering(ips: readonly string[]): LookupFunction {
  const addresses = ips.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_, { all }, callback) => {
    if (all === true) callback(null, addresses);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
}

/** RFC 9525: by subject alternative name only, wildcards as one whole left-most label. */
function speaksFor(der: Uint8Array, host: string, isName: boolean): boolean {
  const certificate = new X509Certificate(der);
  if (!isName) return certificate.checkIP(host) !== undefined;
  const rules = { wildcards: true, partialWildcards: false, multiLabelWildcards: false, singleLabelSubdomains: false };
  return certificate.checkHost(host, { subject: 'never', ...rules }) !== undefined;
}

function anotherHost(): Error {
  return Object.assign(new Error('The certificate is for another host.'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function answerOf(response: IncomingMessage): Answer {
  const { headers } = response;
  return {
    status: response.statusCode ?? 0,
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    cacheControl: headers['cache-control'],
    body: response,
  };
}

function faultOf({ code = '' }: NodeJS.ErrnoException): Fault {
  return /^(?:ERR_TLS|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERR_SSL|EPROTO)/.test(code) ? 'tls' : 'unreachable';
}
