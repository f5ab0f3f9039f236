/**
 * What comes back of a credential that an upstream echoes: every form of it in every place of an answer, by real calls. The
 * table of docs/answers.md is made of what these end as, and of nothing else.
 */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { DAuthError, type Injection } from '@dauth/protocol';
import type { KeptToken } from '../secret/kept-token.ts';
import type { UpstreamAnswer } from '../wire/call.ts';
import { BEARER, callAndRead, upstreamFor } from './calls.test-support.ts';
import { DERIVED, KEY, SIGNED_AT } from './coverage-derived.test-support.ts';
import { serveRaw, TestCa } from './upstreams.test-support.ts';

/** Of each kind of character that somebody escapes, what a header may have. */
const SECRET = `sk+Liva/9"<b'&=~?4hT2qz81\`Wx`;
const BASIC: readonly Injection[] = [{ in: 'basic', user: 'robot', pass: '{token}' }];

export interface Form {
  readonly name: string;
  /** @param asked the request as it came */
  readonly encode: (secret: Buffer, asked: string) => string | Buffer;
  readonly inject?: readonly Injection[];
  /** Of what was exchanged for one. */
  readonly token?: (secret: Buffer) => KeptToken;
}

const each = (write: (octet: number) => string) => (secret: Buffer) => Array.from(secret, write).join('');
const hex = (octet: number): string => octet.toString(16).padStart(2, '0');
const text = (write: (value: string) => string) => (secret: Buffer) => write(secret.toString('latin1'));
const escaped = (entities: Readonly<Record<string, string>>) =>
  text((value) => value.replaceAll(/[^A-Za-z0-9]/g, (character) => entities[character] ?? character));
/** As it stands inside other octets, of which some reach into the first and last group of it. */
const inside = (before: number, alphabet: 'base64' | 'base64url') => (secret: Buffer) =>
  Buffer.concat([Buffer.alloc(before, 'x'), secret, Buffer.from('yz')]).toString(alphabet);

export const FORMS: readonly Form[] = [
  { name: 'as it is', encode: (secret) => secret },
  { name: 'in lower case', encode: text((value) => value.toLowerCase()) },
  { name: 'in upper case', encode: text((value) => value.toUpperCase()) },
  { name: '`encodeURIComponent`', encode: text(encodeURIComponent) },
  { name: '`encodeURI`', encode: text(encodeURI) },
  { name: 'form (`URLSearchParams`)', encode: text((value) => new URLSearchParams({ a: value }).toString().slice(2)) },
  {
    name: 'percent in lower case',
    encode: text((value) => encodeURIComponent(value).replaceAll(/%../g, (octet) => octet.toLowerCase())),
  },
  { name: 'hex', encode: each(hex) },
  { name: 'HEX', encode: each((octet) => hex(octet).toUpperCase()) },
  { name: 'hex with spaces', encode: (secret) => Array.from(secret, hex).join(' ') },
  { name: 'JSON', encode: text((value) => JSON.stringify(value).slice(1, -1)) },
  { name: 'JSON with `\\/`', encode: text((value) => JSON.stringify(value).slice(1, -1).replaceAll('/', '\\/')) },
  { name: 'JSON of Go', encode: jsonEscaping(/[<>&]/g) },
  { name: 'JSON of Gson', encode: jsonEscaping(/[<>&=']/g) },
  {
    name: 'JSON of .NET',
    encode: text((value) => value.replaceAll(/[<>&"'+`]/g, (character) => `\\u00${HEX(character)}`)),
  },
  { name: 'JSON, each `\\u`', encode: each((octet) => `\\u00${hex(octet)}`) },
  ...(['base64', 'base64url'] as const).flatMap((alphabet) =>
    [0, 1, 2].map((before) => ({
      name: `${alphabet}, ${['first', 'second', 'third'][before]} of three`,
      encode: inside(before, alphabet),
    })),
  ),
  { name: 'base64 by itself', encode: (secret) => secret.toString('base64') },
  {
    name: 'Basic credentials',
    inject: BASIC,
    encode: (secret) => Buffer.concat([Buffer.from('robot:'), secret]).toString('base64'),
  },
  { name: 'HTML of PHP', encode: escaped({ '&': '&amp;', '<': '&lt;', '"': '&quot;', "'": '&#039;' }) },
  { name: 'HTML of Python', encode: escaped({ '&': '&amp;', '<': '&lt;', '"': '&quot;', "'": '&#x27;' }) },
  { name: 'HTML of Go', encode: escaped({ '&': '&amp;', '<': '&lt;', '"': '&#34;', "'": '&#39;', '+': '&#43;' }) },
  { name: 'UTF-16, low octet first', encode: utf16('le') },
  { name: 'UTF-16, high octet first', encode: utf16('be') },
  ...DERIVED,
];

function HEX(character: string): string {
  return hex(character.charCodeAt(0)).toUpperCase();
}

/** JSON that may stand in HTML. */
function jsonEscaping(unsafe: RegExp) {
  return text((value) =>
    JSON.stringify(value)
      .slice(1, -1)
      .replaceAll(unsafe, (character) => `\\u00${hex(character.charCodeAt(0))}`),
  );
}

function utf16(order: 'le' | 'be') {
  return (secret: Buffer): Buffer => {
    const wide = Buffer.from(secret.toString('latin1'), 'utf16le');
    return order === 'le' ? wide : wide.swap16();
  };
}

interface Place {
  readonly name: string;
  /** The answer's octets. */
  readonly answer: (form: Buffer) => Buffer;
  readonly releases?: readonly string[];
}

const octets = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
const OK = 'HTTP/1.1 200 OK\r\nconnection: close\r\n';
const inHeader = (name: string) => (form: Buffer) => octets(`${OK}${name}: a=`, form, '\r\ncontent-length: 0\r\n\r\n');
const chunk = (part: Buffer): Buffer => octets(`${part.length.toString(16)}\r\n`, part, '\r\n');
const coded = (coding: string, encode: (body: Buffer) => Buffer) => (form: Buffer) => {
  const body = encode(octets('<', form, '>'));
  return octets(`${OK}content-encoding: ${coding}\r\ncontent-length: ${body.length}\r\n\r\n`, body);
};

export const PLACES: readonly Place[] = [
  {
    name: 'reason',
    answer: (form) => octets('HTTP/1.1 200 ', form, '\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
  },
  { name: 'header', answer: inHeader('x-echo') },
  { name: '`WWW-Authenticate`', answer: inHeader('www-authenticate') },
  { name: '`Set-Cookie`', answer: inHeader('set-cookie') },
  { name: '`Set-Cookie`, let back', answer: inHeader('set-cookie'), releases: ['set-cookie'] },
  {
    name: '103',
    answer: (form) => octets('HTTP/1.1 103 Early Hints\r\nx-echo: ', form, `\r\n\r\n${OK}content-length: 0\r\n\r\n`),
  },
  { name: 'body', answer: (form) => octets(`${OK}content-length: ${form.length + 2}\r\n\r\n<`, form, '>') },
  {
    name: 'chunks of an octet',
    answer: (form) =>
      octets(
        `${OK}transfer-encoding: chunked\r\n\r\n`,
        ...Array.from(form, (octet) => chunk(Buffer.of(octet))),
        '0\r\n\r\n',
      ),
  },
  {
    name: 'events',
    answer: (form) => octets(`${OK}content-type: text/event-stream\r\n\r\ndata: `, form, '\n\ndata: ', form, '\n\n'),
  },
  { name: 'gzip', answer: coded('gzip', (body) => gzipSync(body)) },
  { name: 'deflate', answer: coded('deflate', (body) => deflateSync(body)) },
  { name: 'br', answer: coded('br', (body) => brotliCompressSync(body)) },
  { name: 'zstd', answer: coded('zstd', (body) => body) },
  {
    name: 'trailer',
    answer: (form) => octets(`${OK}transfer-encoding: chunked\r\n\r\n0\r\nx-echo: `, form, '\r\n\r\n'),
  },
  {
    name: '206',
    answer: (form) =>
      octets(`HTTP/1.1 206 Partial Content\r\nconnection: close\r\ncontent-length: ${form.length}\r\n\r\n`, form),
  },
];

/** `*`: stars in its place. `-`: the place never comes back. `x`: the answer is refused. */
export type Ending = '*' | '-' | 'x' | 'LEAKED';

/** Makes every call. @returns by form, then by place */
export async function cover(): Promise<readonly (readonly Ending[])[]> {
  const ca = await TestCa.create();
  const identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  const secret = Buffer.from(SECRET);
  /** What was echoed last. */
  let written = Buffer.alloc(0);
  await using server = await serveRaw(identity, (socket) => {
    socket.once('data', (asked: Buffer) => {
      const text = asked.toString('latin1');
      const [, form, place] = /^GET \/(\d+)\/(\d+) /.exec(text) ?? [];
      written = Buffer.from(FORMS[Number(form)]!.encode(secret, text) as string, 'latin1');
      socket.end(PLACES[Number(place)]!.answer(written));
    });
  });
  const upstream = upstreamFor(ca.pem, { nowMs: () => SIGNED_AT });
  try {
    const all: Ending[][] = [];
    for (const [row, form] of FORMS.entries()) {
      const endings: Ending[] = [];
      for (const [column, { releases }] of PLACES.entries()) {
        let answer: UpstreamAnswer | undefined;
        const seen = callAndRead(
          { ...upstream, call: async (request) => (answer = await upstream.call(request)) },
          server.origin,
          {
            ...{ target: `/${row}/${column}`, injections: form.inject ?? BEARER, fields: { token: SECRET, ...KEY } },
            ...(form.token === undefined ? {} : { token: form.token(secret) }),
            ...(releases === undefined ? {} : { releases }),
          },
        );
        endings.push(await seen.then(({ body, outcome }) => endingOf(answer!, body, outcome, written), refused));
      }
      all.push(endings);
    }
    return all;
  } finally {
    await upstream.close();
  }
}

function endingOf(
  { headers }: UpstreamAnswer,
  body: Buffer,
  { redactions }: { readonly redactions: number },
  written: Buffer,
): Ending {
  const back = octets(headers.flat().join('\n'), '\n', body);
  if (back.includes(written)) return 'LEAKED';
  return back.includes('***') && redactions > 0 ? '*' : '-';
}

function refused(error: unknown): Ending {
  if (!(error instanceof DAuthError)) throw error;
  return 'x';
}

export function renderCoverage(endings: readonly (readonly Ending[])[]): string {
  const rows = FORMS.map(({ name }, row) => `| ${name} | ${endings[row]!.map(say).join(' | ')} |`);
  const head = `| form | ${PLACES.map(({ name }) => name).join(' | ')} |`;
  return [head, `|---|${PLACES.map(() => ':-:').join('|')}|`, ...rows].join('\n');
}

function say(ending: Ending): string {
  return ending === '*' ? '✱' : ending === '-' ? '–' : ending === 'x' ? '✕' : 'LEAKED';
}
