/** The scheme `oauth1` (§2.5, RFC 5849): what it is told, and which slots it occupies. Never holds a value and never signs. */
import { choiceOrFirst } from './choice.ts';
import { exactObject, refuse } from './shape.ts';
import { parseTemplate, type Template } from './template.ts';

/** OAuth 1.0 signatures in the Authorization header (RFC 5849 §3.5.1). */
export interface OAuth1 {
  readonly scheme: 'oauth1';
  readonly consumer_key: Template;
  readonly consumer_secret: Template;
  /** With its secret, or neither (RFC 5849 §3.1: two-legged). */
  readonly token?: Template;
  readonly token_secret?: Template;
  readonly hash: 'sha1' | 'sha256';
  readonly realm?: string;
  /** Whether `oauth_version="1.0"` is sent. */
  readonly version: boolean;
}

/** A `quoted-string` (RFC 9110 §5.6.4) that needs no escapes. */
const REALM = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

/** RFC 5849 §3.1, and what extends it: a second one beside ours would be another signature. */
export const OAUTH1_QUERY: readonly string[] = [
  ...['consumer_key', 'token', 'signature_method', 'timestamp', 'nonce', 'version', 'signature'],
  ...['callback', 'verifier', 'body_hash'],
].map((name) => `oauth_${name}`);

/** @throws DAuthError `INVALID_REQUEST` */
export function parseOAuth1(value: unknown): OAuth1 {
  const required = ['scheme', 'consumer_key', 'consumer_secret'];
  const said = exactObject(value, 'A scheme', required, ['token', 'token_secret', 'hash', 'realm', 'version']);
  if ((said.token === undefined) !== (said.token_secret === undefined))
    refuse('"token" and "token_secret" go together: one is there without the other.');
  const { realm, version = true } = said;
  if (realm !== undefined && (typeof realm !== 'string' || !REALM.test(realm)))
    refuse('"realm" is printable ASCII without quotation marks and backslashes.');
  if (typeof version !== 'boolean') refuse('"version" is true or false.');
  const consumerKey = parseTemplate(said.consumer_key, false);
  if (consumerKey === '') refuse('"consumer_key" must not be empty.');
  return Object.freeze({
    scheme: 'oauth1',
    consumer_key: consumerKey,
    consumer_secret: parseTemplate(said.consumer_secret, true),
    ...(said.token === undefined
      ? {}
      : { token: parseTemplate(said.token, true), token_secret: parseTemplate(said.token_secret, true) }),
    hash: choiceOrFirst(said.hash, '"hash"', ['sha1', 'sha256']),
    ...(realm === undefined ? {} : { realm }),
    version,
  });
}

/** Every template of it. */
export function oauth1Templates({ consumer_key, consumer_secret, token, token_secret }: OAuth1): readonly Template[] {
  return [consumer_key, consumer_secret, ...(token === undefined ? [] : [token, token_secret!])];
}
