import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Slot } from '@dauth/protocol';
import fc from 'fast-check';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { Forms } from './forms.ts';
import { inject } from '../secret/inject.ts';
import { placeSlots } from '../where/body-slots.ts';
import { redact } from './scan.ts';

/** What common software makes of a URL or a header that it writes into an answer. */
const RE_ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  'as it came': (text) => text,
  JSON: (text) => JSON.stringify(text),
  encodeURIComponent,
  encodeURI,
  'HTML of Python': (text) =>
    text.replaceAll(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' })[c]!),
  base64: (text) => Buffer.from(text, 'latin1').toString('base64'),
  'base64, elsewhere in its group': (text) => Buffer.from(`x${text}yz`, 'latin1').toString('base64url'),
  hex: (text) => Buffer.from(text, 'latin1').toString('hex'),
  'upper case': (text) => text.toUpperCase(),
};

const SLOTS: readonly Slot[] = [
  { in: 'path', segment: 0, value: '{token}' },
  { in: 'query', name: 'key', value: 'a{token}' },
  { in: 'header', name: 'x-key', value: 'Bearer {token}' },
  { in: 'cookie', name: 'sid', value: '{token}' },
  { in: 'basic', user: 'robot', pass: '{token}' },
  { in: 'body', pointer: '/auth/key', value: 'k {token}' },
  { in: 'body', field: 'key', value: 'k {token}' },
];
/** What a caller sends for each slot in a body. */
const BODIES = { pointer: '{"auth":{"a":1}}', field: 'a=1' };
const nameOf = (slot: Slot): string =>
  slot.in === 'body' ? `body ${'pointer' in slot ? 'pointer' : 'field'}` : slot.in;

const isInjected = (token: string): boolean => !/^ | $/.test(token);
const anywhere = fc.string({ unit: 'grapheme-ascii', minLength: 12, maxLength: 40 }).filter(isInjected);
const inPath = anywhere.map((token) => token.replaceAll(/[/\\]/g, ';'));
const inCookie = anywhere.map((token) => token.replaceAll(/[ ",;\\]/g, '/'));
const inUrls = fc
  .string({ unit: 'grapheme', minLength: 12, maxLength: 40 })
  .filter((token) => isInjected(token) && !/[\p{Cc}/\\]|\p{Cs}/u.test(token));

function tokensOf(slot: Slot): fc.Arbitrary<string> {
  switch (slot.in) {
    case 'path':
    case 'query':
      return fc.oneof(inPath, inUrls);
    case 'body':
      // JSON keeps what is no ASCII, which the encodings here take octet by octet; below it is a text.
      return 'field' in slot ? fc.oneof(anywhere, inUrls) : anywhere;
    case 'cookie':
      return inCookie;
    case 'header':
    case 'basic':
      return anywhere;
  }
}

for (const slot of SLOTS) {
  for (const [name, encode] of Object.entries(RE_ENCODINGS)) {
    test(`[response.clean] finds what it wrote into a ${nameOf(slot)} slot, ${name}`, () => {
      const finds = fc.property(tokensOf(slot), (token) => {
        using plaintext = plaintextOf({ token });
        const body = slot.in === 'body' ? BODIES['pointer' in slot ? 'pointer' : 'field'] : undefined;
        const slotted = body === undefined ? undefined : placeSlots(Buffer.from(body), [slot]);
        const filled = inject(plaintext, [slot], fillable('/a'), slotted);
        using forms = new Forms(filled.secrets);
        const inUrl = slot.in === 'path' || slot.in === 'query';
        const written = (filled.body ?? (inUrl ? filled.target : filled.lines)).toString('latin1');
        return redact(Buffer.from(encode(written), 'latin1'), forms) > 0;
      });
      const run = fc.check(finds, { numRuns: 30 });
      assert.equal(run.failed, false, fc.defaultReportMessage(run));
    });
  }
}

for (const [name, encode] of Object.entries({
  'as it came': (text: string) => text,
  'JSON in JSON': (text: string) => JSON.stringify({ echo: text }),
  'JSON parsed and written again': (text: string) => JSON.stringify(JSON.parse(text), null, 2),
  encodeURIComponent,
  base64: (text: string) => Buffer.from(text).toString('base64'),
  hex: (text: string) => Buffer.from(text).toString('hex'),
  'UTF-16': (text: string) => Buffer.from(text, 'utf16le'),
})) {
  test(`[response.clean] finds a value in any script that it wrote into JSON, ${name}`, () => {
    const pointer: Slot = { in: 'body', pointer: '/key', value: '{token}' };
    const finds = fc.property(inUrls, (token) => {
      using plaintext = plaintextOf({ token });
      const filled = inject(plaintext, [pointer], fillable(), placeSlots(Buffer.from('{}'), [pointer]));
      using forms = new Forms(filled.secrets);
      return redact(Buffer.from(encode(filled.body!.toString('utf8')) as string), forms) > 0;
    });
    const run = fc.check(finds, { numRuns: 30 });
    assert.equal(run.failed, false, fc.defaultReportMessage(run));
  });
}

/** What an escaper makes of a value, as its own documentation or source has it. */
const ESCAPED: Readonly<Record<string, readonly [value: string, escaped: string]>> = {
  'Python quote()': ['abc/def+ghi==', 'abc/def%2Bghi%3D%3D'],
  'Go encoding/json in UTF-8': [`pä<sw"rd&>lo'ng`, `pä\\u003csw\\"rd\\u0026\\u003elo'ng`],
  Gson: [`a=b'c<d-and-long`, 'a\\u003db\\u0027c\\u003cd-and-long'],
  'PHP json_encode': ['pä/ssw0rd-long', 'p\\u00e4\\/ssw0rd-long'],
  'Go html/template': [`abc+def"ghi'jk`, 'abc&#43;def&#34;ghi&#39;jk'],
  'Python html.escape': [`abc"def'ghi<jk`, 'abc&quot;def&#x27;ghi&lt;jk'],
  'PHP htmlspecialchars': [`abc"def'ghi&jk`, 'abc&quot;def&#039;ghi&amp;jk'],
  Mustache: ['abc/def+ghi==', 'abc&#x2F;def+ghi&#x3D;&#x3D;'],
  OWASP: [`abc/def'ghi=jk`, 'abc&#x2F;def&#x27;ghi=jk'],
  Handlebars: ['abc/def+ghi==', 'abc/def+ghi&#x3D;&#x3D;'],
  'ASP.NET Core': ['abc/def+ghi==', 'abc/def&#x2B;ghi=='],
  ESAPI: ['abc/def+ghi==', 'abc&#x2f;def&#x2b;ghi&#x3d;&#x3d;'],
  'System.Text.Json': ['abc/def+ghi==', 'abc/def\\u002Bghi=='],
  'Go encoding/json': [`abc'def&ghi"jk`, `abc'def\\u0026ghi\\"jk`],
  'decimal entities': ['abc/def+ghi==', 'abc&#47;def&#43;ghi&#61;&#61;'],
};

for (const [name, [value, escaped]] of Object.entries(ESCAPED)) {
  test(`[response.clean] finds a value as ${name} writes it`, () => {
    using forms = new Forms([Buffer.from(value)]);
    const data = Buffer.from(`<${escaped}>`);
    assert.equal(redact(data, forms), 1);
    assert.equal(data.toString(), `<${'*'.repeat(Buffer.byteLength(escaped))}>`);
  });
}

test('[response.clean] no forms are made of what is too short to be searched for, beside whatever else', () => {
  const secret = Buffer.from('a secret of some length');
  for (const length of [0, 1, 2, 7]) {
    assert.throws(() => new Forms([secret, Buffer.alloc(length, 'k')]), { code: 'POLICY_DENIED' });
    assert.throws(() => new Forms([secret], [Buffer.alloc(length, 'k')]), { code: 'POLICY_DENIED' });
  }
});

test('each form is searched for once, and the longest first', () => {
  const line = Buffer.from('MIGHAgEAMBMGByqGSM49/gEG');
  using forms = new Forms([Buffer.from('0123456789ab'), line], [line, Buffer.from('another/line+of+it'), line]);
  const all = forms.lend((plain) => plain.map((form) => form.toString('latin1')));
  assert.deepEqual(
    all.map(({ length }) => length),
    all.map(({ length }) => length).toSorted((a, b) => b - a),
  );
  assert.equal(new Set(all).size, all.length);
});

test('forms lie under a mask but while they are lent', () => {
  const secret = Buffer.from('sk_live_0123456789');
  using forms = new Forms([secret]);
  const held = forms.lend((plain) => plain.find((form) => form.equals(secret))!);
  assert.equal(held.equals(secret), false);
  assert.equal(
    forms.lend((plain) => plain.includes(held) && held.equals(secret)),
    true,
  );
});
