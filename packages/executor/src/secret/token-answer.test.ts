/** The reader of a token endpoint's answer, octet by octet, beside `JSON.parse`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTokenAnswer } from './token-answer.ts';

type Read = { readonly token: string; readonly expiresIn: number | null } | null;

function read(json: string | Buffer): Read {
  const answer = readTokenAnswer(Buffer.from(json as string));
  return answer === null ? null : { token: answer.token.toString('latin1'), expiresIn: answer.expiresIn };
}

/** What the reader is to say, by the parser of the language. */
function expected(json: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { access_token: token, token_type: type, expires_in: expires } = value as Record<string, unknown>;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) return null;
  // ASCII alone: `ſ` and the Kelvin sign are letters to a comparison that ignores case by Unicode.
  if (typeof type !== 'string' || !/^[bB][eE][aA][rR][eE][rR]$/.test(type)) return null;
  return {
    token,
    expiresIn: typeof expires === 'number' && Number.isSafeInteger(expires) && expires >= 0 ? expires : null,
  };
}

const SPACES = fc.constantFrom('', ' ', '\n', '\t\r\n ');
const visible = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
/** A text as a JSON writer of any taste may write it. */
const written = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.infiniteStream(fc.nat(5))).map(([plain, tastes]) => {
    let json = '"';
    for (const unit of plain.split('')) {
      const taste = tastes.next().value as number;
      const code = unit.charCodeAt(0).toString(16).padStart(4, '0');
      if (taste === 0) json += `\\u${code}`;
      else if (taste === 1) json += `\\u${code.toUpperCase()}`;
      else json += unit === '/' && taste === 2 ? '\\/' : JSON.stringify(unit).slice(1, -1);
    }
    return `${json}"`;
  });
const anyText = written(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), visible));
const anyNumber = fc.oneof(
  fc.nat(99_999).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom('-0', '1.0', '1e3', '1E+2', '0', '12345678901234567890'),
);
const anyValue = fc.oneof(anyText, anyNumber, fc.json({ maxDepth: 4 }), fc.constantFrom('true', 'false', 'null'));
const member = fc.oneof(
  fc.tuple(written(fc.constant('access_token')), fc.oneof({ weight: 5, arbitrary: written(visible) }, anyValue)),
  fc.tuple(
    written(fc.constant('token_type')),
    fc.oneof(
      { weight: 5, arbitrary: written(fc.constantFrom('Bearer', 'bearer', 'BEARER', 'bearer ', 'mac', 'ſ')) },
      anyValue,
    ),
  ),
  fc.tuple(written(fc.constant('expires_in')), fc.oneof({ weight: 5, arbitrary: anyNumber }, anyValue)),
  fc.tuple(anyText, anyValue),
);
const document = fc
  .tuple(fc.array(fc.tuple(member, SPACES, SPACES), { maxLength: 6 }), SPACES)
  .map(([members, space]) => {
    const all = members.map(([[name, value], one, other]) => `${one}${name}${other}:${one}${value}${other}`);
    return `${space}{${all.join(',') || space}}${space}`;
  });
const COUNTED = new Set(['access_token', 'token_type', 'expires_in']);

/** How often a top-level name that counts stands in a document, by the parser of the language. */
function hasTwice(json: string): boolean {
  const seen = new Set<string>();
  let twice = false;
  // A reviver is called from the inside out, and for a member that stands twice once; so names are counted in the text.
  // Every text is taken, also those that are no names: else the end of one could be read as the beginning of another.
  for (const [, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g)) {
    const name = colon === undefined ? '' : (JSON.parse(text!) as string);
    if (COUNTED.has(name)) twice ||= seen.size === seen.add(name).size;
  }
  return twice;
}

function sameAsParser(json: string): void {
  const [ours, theirs] = [read(json), expected(json)];
  if (ours === null) {
    // Refused by both, or by ours alone for what two readers could read differently.
    const isStricter = theirs === null || hasTwice(json) || nests(json);
    assert.ok(isStricter, json);
    return;
  }
  assert.equal(ours.token, theirs?.token, json);
  if (ours.expiresIn !== null) assert.equal(ours.expiresIn, theirs?.expiresIn, json);
}

function nests(json: string): boolean {
  return /[[{](?:[^\]}]*[[{]){32}/.test(json);
}

test('[response.clean] the reader of token answers says what JSON.parse says, of whatever is written', () => {
  fc.assert(fc.property(document, sameAsParser), { numRuns: 500 });
});

test('[response.clean] the reader of token answers takes nothing that JSON.parse refuses', () => {
  const damaged = fc
    .tuple(document, fc.nat(), fc.string({ unit: 'grapheme-ascii', maxLength: 2 }), fc.nat(2))
    .map(([json, at, put, cut]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + put + json.slice(place + cut);
    });
  fc.assert(fc.property(fc.oneof(damaged, fc.string(), fc.json()), sameAsParser), { numRuns: 1_000 });
});

test('whatever octets come, the reader ends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => void readTokenAnswer(Buffer.from(octets))),
    { numRuns: 500 },
  );
});

test('an answer is read in any spelling, with whatever else stands in it', () => {
  const rest = '"scope":"a b","nested":{"access_token":"x","a":[1,-2.5e-3,true,null,{"b":"\\ud83d\\ude00é"}]}';
  const json = `\r\n{ "expires_in" : 3599 , ${rest}, "token\\u005ftype":"BeareR","access_token":"a\\/b\\u002Bc\\"\\\\"}\t`;
  assert.deepEqual(read(json), { token: 'a/b+c"\\', expiresIn: 3_599 });
});

const REFUSED: Readonly<Record<string, string | Buffer>> = {
  'a byte order mark': Buffer.concat([
    Buffer.of(0xef, 0xbb, 0xbf),
    Buffer.from('{"access_token":"a","token_type":"bearer"}'),
  ]),
  'a member twice, spelled differently': '{"access_token":"a","access\\u005ftoken":"b","token_type":"bearer"}',
  'a token that ends in its escape': '{"access_token":"a\\"}',
  'a comma too many': '{"access_token":"a","token_type":"bearer",}',
  'a control in a text': '{"access_token":"a","token_type":"bearer","x":"\n"}',
  'a leading zero': '{"access_token":"a","token_type":"bearer","x":01}',
  'an escaped control in the token': '{"access_token":"a\\r\\nb: c","token_type":"bearer"}',
  'an escaped letter beyond ASCII in the token': '{"access_token":"\\u0141","token_type":"bearer"}',
  'an empty token': '{"access_token":"","token_type":"bearer"}',
  'a token that is null': '{"access_token":null,"token_type":"bearer"}',
  'a long s in the token type': '{"access_token":"a","token_type":"bearer\\u017f"}',
  'more nesting than is read': `{"access_token":"a","token_type":"bearer","x":${'['.repeat(33)}${']'.repeat(33)}}`,
  'more octets than are read': `{"access_token":"a","token_type":"bearer"}${' '.repeat(65_536)}`,
};
for (const [name, json] of Object.entries(REFUSED)) {
  test(`[response.clean] an answer with ${name} is no token`, () => assert.equal(read(json), null));
}
