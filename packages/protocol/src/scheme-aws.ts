/** The scheme `aws_sigv4` (§2.5): what it is told, and which slots it occupies. Never holds a value and never signs. */
import { exactObject, integer, refuse } from './shape.ts';
import { parseTemplate, templateParts, type Template } from './template.ts';

/** AWS Signature Version 4 of one request, in its headers or in its query. */
export interface AwsSigV4 {
  readonly scheme: 'aws_sigv4';
  readonly access_key: Template;
  readonly secret_key: Template;
  readonly session_token?: Template;
  readonly region: string;
  readonly service: string;
  readonly place: 'header' | 'query';
  /** Whether the body's hash also stands in `x-amz-content-sha256`; not in a query. */
  readonly content_sha256: boolean;
  /** How a body that streams by is signed, for Amazon S3: piece by piece. Without it, it is not. */
  readonly payload?: 'chunks';
  /** Seconds for which a signature in a query is good. */
  readonly expires?: number;
}

/** A region or service, as it stands in the scope of a signature. */
const SCOPE_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** What ends an access key in `Credential=`, or would be encoded in a query, has no place in it. */
const PLAIN = /^[A-Za-z0-9\-._~]*$/;
const DEFAULT_EXPIRES = 300;
/** What AWS takes at most: a week. */
const MAX_EXPIRES = 604_800;

/** Whatever a caller says in one of these would be another signature beside ours, or another time, token or hash. */
export const AWS_HEADERS: readonly string[] = [
  'authorization',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
  'x-amz-decoded-content-length',
];
export const AWS_QUERY: readonly string[] = [
  'Algorithm',
  'Credential',
  'Date',
  'Expires',
  'Security-Token',
  'SignedHeaders',
  'Signature',
].map((name) => `X-Amz-${name}`);

/** @throws DAuthError `INVALID_REQUEST` */
export function parseAws(value: unknown): AwsSigV4 {
  const optional = ['session_token', 'place', 'content_sha256', 'payload', 'expires'];
  const said = exactObject(value, 'A scheme', ['scheme', 'access_key', 'secret_key', 'region', 'service'], optional);
  // Only absence is the default, never `null`.
  const place = said.place === undefined ? 'header' : said.place;
  if (place !== 'header' && place !== 'query') refuse('"place" is "header" or "query".');
  const isQuery = place === 'query';
  if (!isQuery && said.expires !== undefined) refuse('"expires" is for a signature in a query.');
  const service = scopeName(said.service, '"service"');
  return Object.freeze({
    scheme: 'aws_sigv4',
    access_key: parseAccessKey(said.access_key),
    secret_key: parseTemplate(said.secret_key, true),
    ...(said.session_token === undefined ? {} : { session_token: parseTemplate(said.session_token, true) }),
    region: scopeName(said.region, '"region"'),
    service,
    place,
    content_sha256: parseContentSha256(said.content_sha256, service, isQuery),
    ...(said.payload === undefined ? {} : { payload: parsePayload(said.payload, service, isQuery) }),
    ...(isQuery
      ? { expires: said.expires === undefined ? DEFAULT_EXPIRES : integer(said.expires, '"expires"', 1, MAX_EXPIRES) }
      : {}),
  });
}

/** Every template of it. */
export function awsTemplates({ access_key, secret_key, session_token }: AwsSigV4): readonly Template[] {
  return [access_key, secret_key, ...(session_token === undefined ? [] : [session_token])];
}

/** Amazon S3 has rules of its own: paths are encoded once, the hash of the body stands in a header, bodies may stream. */
export function isS3({ service }: AwsSigV4): boolean {
  return service === 's3';
}

function parseAccessKey(value: unknown): Template {
  const template = parseTemplate(value, false);
  const parts = templateParts(template);
  if (parts.length === 0 || parts.some((part) => 'text' in part && !PLAIN.test(part.text)))
    refuse('"access_key" is a field, or letters, digits, "-", ".", "_" and "~".');
  return template;
}

function parseContentSha256(value: unknown, service: string, isQuery: boolean): boolean {
  const said = value === undefined ? service === 's3' && !isQuery : value;
  if (typeof said !== 'boolean') refuse('"content_sha256" is true or false.');
  if (isQuery && said) refuse('"content_sha256" is for a signature in the headers.');
  if (service === 's3' && !isQuery && !said) refuse('Amazon S3 needs "content_sha256".');
  return said;
}

function parsePayload(value: unknown, service: string, isQuery: boolean): 'chunks' {
  if (value !== 'chunks') refuse('"payload" is "chunks", or left out.');
  if (service !== 's3' || isQuery) refuse('"payload" is for Amazon S3, with a signature in the headers.');
  return value;
}

function scopeName(value: unknown, what: string): string {
  if (typeof value !== 'string' || !SCOPE_NAME.test(value)) refuse(`${what} is letters, digits, "-" and "_".`);
  return value;
}
