/** RFC 5849 §3.2 written apart from the code under test, for an upstream that recomputes what it was sent. */
import { createHmac } from 'node:crypto';
import { headerOf, type SignedRequest } from './signing.test-support.ts';

const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

/** Whether the request is signed with these secrets, once. */
export function verifyOAuth1(
  request: SignedRequest,
  scheme: string,
  consumerSecret: string,
  tokenSecret: string,
): boolean {
  const authorization = /^OAuth (.*)$/.exec(headerOf(request, 'authorization'))?.[1] ?? '';
  const said = [...authorization.matchAll(/(\w+)="([^"]*)"(?:, |$)/g)].map(
    ([, name, value]) => [name!, decodeURIComponent(value!)] as const,
  );
  const get = (wanted: string): string => said.find(([name]) => name === wanted)?.[1] ?? '';
  const url = new URL(request.target, `${scheme}://${headerOf(request, 'host')}`);
  const isForm = headerOf(request, 'content-type').startsWith('application/x-www-form-urlencoded');
  const form = isForm ? [...new URLSearchParams(request.body.toString())] : [];
  const pairs = [
    ...url.searchParams,
    ...form,
    ...said.filter(([name]) => name !== 'realm' && name !== 'oauth_signature'),
  ]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  const list = pairs.map((pair) => pair.join('=')).join('&');
  const base = [request.method, encode(`${url.origin}${request.target.split('?')[0]!}`), encode(list)].join('&');
  const hash = get('oauth_signature_method') === 'HMAC-SHA256' ? 'sha256' : 'sha1';
  const key = `${encode(consumerSecret)}&${encode(tokenSecret)}`;
  return createHmac(hash, key).update(base).digest('base64') === get('oauth_signature');
}
