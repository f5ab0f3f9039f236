/**
 * The scheme `hmac` (§2.5): which parts of a request are signed, how, and where the signature goes. Small and closed: what it
 * cannot say is not signed. Never holds a value and never signs.
 */
import { choice, choiceOrFirst } from './choice.ts';
import { distinct, exactObject, list, refuse } from './shape.ts';
import { parseSlotName } from './slot-name.ts';
import {
  parseFieldName,
  parseSigningTemplate,
  parseTemplate,
  signingParts,
  type RequestPart,
  type Template,
} from './template.ts';

export interface Hmac {
  readonly scheme: 'hmac';
  readonly key: Template;
  readonly key_encoding: 'raw' | 'hex' | 'base64';
  readonly hash: HmacHash;
  /** What is signed. */
  readonly sign: Template;
  /** How the signature is written. */
  readonly encoding: 'hex' | 'base64';
  /** Where the signature and what it was made with go. */
  readonly put: readonly Put[];
  readonly timestamp?: 's' | 'ms' | 'iso';
  /** Made by the executor, or taken from a field of the caller's form. */
  readonly nonce?: 'random' | 'counter' | { readonly form: string };
  /** A hash that stands in what is signed or put. */
  readonly digest?: Digest;
}

export type HmacHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

export interface Put {
  readonly in: 'header' | 'query';
  readonly name: string;
  readonly value: Template;
}

export interface Digest {
  readonly hash: HmacHash;
  readonly of: Template;
  readonly encoding: 'raw' | 'hex' | 'base64';
}

const HASHES = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
const REQUEST: readonly RequestPart[] = [
  'method',
  'host',
  'path',
  'query',
  'target',
  'body',
  'lf',
  'timestamp',
  'nonce',
];
const MAX_PUT = 8;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseHmac(value: unknown): Hmac {
  const required = ['scheme', 'key', 'hash', 'sign', 'put'];
  const optional = ['key_encoding', 'encoding', 'timestamp', 'nonce', 'digest'];
  const said = exactObject(value, 'A scheme', required, optional);
  const digest = said.digest === undefined ? undefined : parseDigest(said.digest);
  const hmac: Hmac = {
    scheme: 'hmac',
    key: parseTemplate(said.key, true),
    key_encoding: choiceOrFirst(said.key_encoding, '"key_encoding"', ['raw', 'hex', 'base64']),
    hash: choice(said.hash, '"hash"', HASHES),
    sign: parseSigningTemplate(said.sign, [...REQUEST, 'digest']),
    encoding: choiceOrFirst(said.encoding, '"encoding"', ['hex', 'base64']),
    put: distinct(list(said.put, '"put"', 1, MAX_PUT, parsePut), '"put"', ({ in: place, name }) => `${place} ${name}`),
    ...(said.timestamp === undefined ? {} : { timestamp: choice(said.timestamp, '"timestamp"', ['s', 'ms', 'iso']) }),
    ...(said.nonce === undefined ? {} : { nonce: parseNonce(said.nonce) }),
    ...(digest === undefined ? {} : { digest }),
  };
  assertWhole(hmac);
  return Object.freeze(hmac);
}

/** Every template of it. */
export function hmacTemplates({ key, sign, put, digest }: Hmac): readonly Template[] {
  return [key, sign, ...put.map(({ value }) => value), ...(digest === undefined ? [] : [digest.of])];
}

/** Whether some template of it names a part of the request. */
export function namesPart(scheme: Hmac, part: RequestPart): boolean {
  return hmacTemplates(scheme).some((template) => hasPart(template, part));
}

/** Whether the whole body has to be there: it is signed, hashed, or has the nonce. */
export function needsBody(scheme: Hmac): boolean {
  return namesPart(scheme, 'body') || typeof scheme.nonce === 'object';
}

/** What is named is there, and what is there is named. */
function assertWhole(hmac: Hmac): void {
  if (!hmac.put.some(({ value }) => hasPart(value, 'signature'))) refuse('"put" has no slot with {@signature}.');
  // What is put into the query is there before anything of it is hashed.
  if (hmac.put.some(({ in: place, value }) => place === 'query' && hasPart(value, 'digest')))
    refuse('A digest is put into a header.');
  if (hmac.digest?.encoding === 'raw' && hmac.put.some(({ value }) => hasPart(value, 'digest')))
    refuse('A digest that is put into a slot is hex or base64.');
  for (const part of ['timestamp', 'nonce', 'digest'] as const) {
    if (namesPart(hmac, part) === (hmac[part] === undefined))
      refuse(`"${part}" and {@${part}} go together: one is there without the other.`);
  }
}

function parsePut(value: unknown): Put {
  const said = exactObject(value, 'A slot of "put"', ['in', 'name', 'value']);
  const place = choice(said.in, 'The place of a slot of "put"', ['header', 'query']);
  const known: readonly RequestPart[] = ['timestamp', 'nonce', 'digest', 'signature'];
  return Object.freeze({
    in: place,
    name: parseSlotName(place, said.name),
    value: parseSigningTemplate(said.value, known),
  });
}

function parseDigest(value: unknown): Digest {
  const said = exactObject(value, '"digest"', ['hash', 'of', 'encoding']);
  return Object.freeze({
    hash: choice(said.hash, '"hash"', HASHES),
    of: parseSigningTemplate(said.of, REQUEST),
    encoding: choice(said.encoding, '"encoding"', ['raw', 'hex', 'base64']),
  });
}

function parseNonce(value: unknown): Exclude<Hmac['nonce'], undefined> {
  if (value === 'random' || value === 'counter') return value;
  const { form } = exactObject(value, '"nonce"', ['form']);
  return Object.freeze({ form: parseFieldName(form) });
}

function hasPart(template: Template, part: RequestPart): boolean {
  return signingParts(template).some((piece) => 'part' in piece && piece.part === part);
}
