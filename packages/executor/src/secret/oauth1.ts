/**
 * OAuth 1.0 signatures (RFC 5849 §3.4.2; HMAC-SHA256 likewise), in the Authorization header, over exactly the request that
 * goes upstream.
 * Never a string of a secret: the key, tokens and the base string are owned memory, zeroed when the head is made.
 */
import { isForm } from '../where/form.ts';
import type { OAuth1 } from '@dauth/protocol';
import { DAuthError, LIMITS } from '@dauth/protocol';
import { splitTarget, writeCanonicalQuery } from './canonical.ts';
import { percent, UNRESERVED, writeBase64, writePercent } from './encode.ts';
import { fill, held, type Fields, type Held } from './fill.ts';
import { ownedConcat, wipe } from './memory.ts';
import { mac } from './native.ts';
import type { Outgoing, Signed } from './sign.ts';
import { ByteWriter } from './writer.ts';

/** In their order, names and percent-encoded values. */
type Parameters = readonly (readonly [name: string, value: Uint8Array])[];

/** @throws DAuthError `POLICY_DENIED` */
export function signOAuth1(scheme: OAuth1, fields: Fields, request: Outgoing): Signed {
  using consumerKey = encoded(scheme.consumer_key, fields);
  using token = scheme.token === undefined ? null : encoded(scheme.token, fields);
  const parameters: Parameters = [
    ['oauth_consumer_key', consumerKey.bytes],
    ...(token === null ? [] : [['oauth_token', token.bytes] as const]),
    ['oauth_signature_method', Buffer.from(`HMAC-${scheme.hash.toUpperCase()}`)],
    ['oauth_timestamp', Buffer.from(`${Math.floor(request.atMs / 1_000)}`)],
    ['oauth_nonce', Buffer.from(request.random())],
    ...(scheme.version ? [['oauth_version', Buffer.from('1.0')] as const] : []),
  ];
  using base = held(baseString(request, parameters));
  using key = held(signingKey(scheme, fields));
  const raw = mac(scheme.hash, key.bytes, base.bytes);
  using text = new ByteWriter(64);
  writeBase64(text, raw, 'base64', true);
  wipe(raw);
  const signature = text.take();
  using lines = new ByteWriter(1024);
  lines.text('authorization: OAuth ');
  if (scheme.realm !== undefined) lines.text(`realm="${scheme.realm}", `);
  for (const [name, value] of parameters) lines.text(`${name}="`).bytes(value).text('", ');
  lines.text('oauth_signature="');
  const inHeader = percent(signature);
  lines.bytes(inHeader);
  lines.text('"\r\n');
  // In the header they are percent-encoded, and somebody may encode that once more.
  const written = [consumerKey, ...(token === null ? [] : [token])]
    // The name of a key is no secret, and one that is too short is not looked for.
    .filter(({ bytes }) => bytes.length >= LIMITS.shortestValue)
    .map(({ bytes }) => ownedConcat(bytes));
  return { target: ownedConcat(request.target), lines: lines.take(), secrets: [signature, inHeader, ...written] };
}

/** RFC 5849 §3.4.1. */
function baseString({ method, target, host, isTls, headers, body }: Outgoing, parameters: Parameters): Buffer {
  const { path, query } = splitTarget(target);
  const form = isForm(headers) ? body : new Uint8Array(0);
  if (form === null)
    throw new DAuthError('POLICY_DENIED', 'The credential signs the body, which cannot be signed on its way.');
  // §3.4.1.3: parameters of query, header and form are one list, decoded as a form is.
  using all = new ByteWriter(1024);
  all.bytes(query).text('&').bytes(form);
  for (const [name, value] of parameters) all.text(`&${name}=`).bytes(value);
  using listed = held(all.take());
  using normalized = new ByteWriter(1024);
  writeCanonicalQuery(normalized, listed.bytes);
  using list = held(normalized.take());
  using out = new ByteWriter(2048);
  out.text(`${method}&`);
  // §3.4.1.2: the host as it is sent has no default port, and the path is that of the request line.
  writePercent(out, Buffer.from(`${isTls ? 'https' : 'http'}://${host}`, 'latin1'), UNRESERVED);
  writePercent(out, path, UNRESERVED);
  out.text('&');
  writePercent(out, list.bytes, UNRESERVED);
  return out.take();
}

/** RFC 5849 §3.4.2: both secrets, the second one empty where there is no token. */
function signingKey({ consumer_secret, token_secret }: OAuth1, fields: Fields): Buffer {
  using consumer = encoded(consumer_secret, fields);
  using token = token_secret === undefined ? null : encoded(token_secret, fields);
  return ownedConcat(consumer.bytes, Buffer.from('&'), token?.bytes ?? new Uint8Array(0));
}

/** RFC 5849 §3.6. */
function encoded(template: string, fields: Fields): Held {
  using value = fill(template, fields, () => true);
  return held(percent(value.bytes));
}
