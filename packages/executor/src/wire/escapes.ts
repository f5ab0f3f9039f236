/**
 * How others escape octets that they were given: in percent, in JSON, in HTML, each writer in its own way, and what none of them does.
 * Never through a string: what is escaped is a secret.
 */
import { PERCENT_SETS, plainOctets, writeForm, writeHexOctet, writePercent, type Case } from '../secret/encode.ts';
import type { ByteWriter } from '../secret/writer.ts';

export const CASES: readonly Case[] = ['lower', 'upper'];
/** What every writer below leaves as it is. Most keys and tokens have no other octets: nothing has to be tried to know what becomes of them. */
const LEFT_ALONE = plainOctets('-._');
/**
 * HTML escapers (WHATWG HTML §13.1.4): everyone writes the first three, each writes quotes, slashes and signs its own way.
 */
const HTML: readonly ReadonlyMap<number, string>[] = [
  {},
  { '"': '&quot;', "'": '&#39;' },
  // Go
  { '"': '&#34;', "'": '&#39;', '+': '&#43;' },
  // Python
  { '"': '&quot;', "'": '&#x27;' },
  // PHP
  { '"': '&quot;', "'": '&#039;' },
  // OWASP
  { '"': '&quot;', "'": '&#x27;', '/': '&#x2F;' },
  // Mustache
  { '"': '&quot;', "'": '&#39;', '/': '&#x2F;', '`': '&#x60;', '=': '&#x3D;' },
  // Handlebars
  { '"': '&quot;', "'": '&#x27;', '`': '&#x60;', '=': '&#x3D;' },
  // ASP.NET Core
  { '"': '&quot;', "'": '&#x27;', '`': '&#x60;', '+': '&#x2B;' },
  // ESAPI
  {
    '"': '&quot;',
    '!': '&#x21;',
    '#': '&#x23;',
    $: '&#x24;',
    '%': '&#x25;',
    "'": '&#x27;',
    '(': '&#x28;',
    ')': '&#x29;',
    '*': '&#x2a;',
    '+': '&#x2b;',
    '/': '&#x2f;',
    ':': '&#x3a;',
    ';': '&#x3b;',
    '=': '&#x3d;',
    '?': '&#x3f;',
    '@': '&#x40;',
    '[': '&#x5b;',
    '\\': '&#x5c;',
    ']': '&#x5d;',
    '^': '&#x5e;',
    '`': '&#x60;',
    '{': '&#x7b;',
    '|': '&#x7c;',
    '}': '&#x7d;',
    '~': '&#x7e;',
  },
  // whoever writes decimals only
  { '"': '&#34;', "'": '&#39;', '/': '&#47;', '+': '&#43;', '=': '&#61;' },
].map((own) => octetMap({ '&': '&amp;', '<': '&lt;', '>': '&gt;', ...own }));
/** What JSON writers for HTML escape besides (RFC 8259 §7 lets them). */
const HTML_UNSAFE: ReadonlySet<number> = new Set([0x26, 0x3c, 0x3e, 0x22, 0x27]);
/** Of these Go escapes the angle brackets and `&` alone, and .NET `+` and a backtick besides. */
const GO_UNSAFE: ReadonlySet<number> = new Set([0x26, 0x3c, 0x3e]);
const NET_UNSAFE: ReadonlySet<number> = new Set([...HTML_UNSAFE, 0x2b, 0x60]);
/** Writers that keep what is no ASCII as it is: Go and Rails, Java's Gson. */
const UNSAFE_IN_UTF8: readonly ReadonlySet<number>[] = [GO_UNSAFE, new Set([...GO_UNSAFE, 0x27, 0x3d])];

function octetMap(entities: Readonly<Record<string, string>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(entities).map(([character, entity]) => [character.charCodeAt(0), entity]));
}

/** Whether a secret has but one escaped spelling, which is itself. */
export function isLeftAlone(secret: Uint8Array): boolean {
  return secret.every((octet) => LEFT_ALONE.has(octet));
}

/** @param units the secret in UTF-16 @param form takes each spelling in turn */
export function writeEscapedForms(
  out: ByteWriter,
  secret: Uint8Array,
  units: Uint16Array,
  form: (write: () => void) => void,
): void {
  for (const hex of CASES) {
    for (const plain of PERCENT_SETS) form(() => writePercent(out, secret, plain, hex));
    form(() => writeForm(out, secret, hex));
  }
  writeJsonForms(out, secret, units, form);
  for (const entities of HTML) {
    form(() => {
      for (const octet of secret) {
        const entity = entities.get(octet);
        if (entity === undefined) out.octet(octet);
        else out.text(entity);
      }
    });
  }
}

/** JSON (RFC 8259 §7) as different writers escape it. */
function writeJsonForms(
  out: ByteWriter,
  secret: Uint8Array,
  units: Uint16Array,
  form: (write: () => void) => void,
): void {
  form(() => writeJsonUnits(out, units, 'upper', (unit) => !NET_UNSAFE.has(unit) && unit < 0x80));
  for (const hex of CASES) {
    form(() => writeJson(out, secret, hex, (octet) => octet === 0x2f));
    form(() => writeJson(out, secret, hex, () => false));
    for (const unsafe of UNSAFE_IN_UTF8) form(() => writeJson(out, secret, hex, () => false, unsafe));
    form(() => writeJsonUnits(out, units, hex, (unit) => unit < 0x80 && !HTML_UNSAFE.has(unit) && unit !== 0x2f));
    form(() => writeJsonUnits(out, units, hex, (unit) => unit < 0x80 && !HTML_UNSAFE.has(unit)));
    form(() => writeJsonUnits(out, units, hex, (unit) => unit < 0x80));
    // PHP: slashes behind a backslash, and nothing beyond ASCII.
    form(() => writeJsonUnits(out, units, hex, (unit) => unit < 0x80, true));
  }
}

export function writeJson(
  out: ByteWriter,
  secret: Uint8Array,
  hex: Case,
  slash: (octet: number) => boolean,
  unsafe: ReadonlySet<number> = new Set(),
): void {
  for (const octet of secret) {
    if (slash(octet)) out.octet(0x5c);
    writeJsonUnit(out, octet, hex, (plain) => !unsafe.has(plain));
  }
}

export function writeJsonUnits(
  out: ByteWriter,
  units: Uint16Array,
  hex: Case,
  plain: (unit: number) => boolean,
  escapesSlash = false,
): void {
  for (const unit of units) {
    if (escapesSlash && unit === 0x2f) out.octet(0x5c);
    writeJsonUnit(out, unit, hex, plain);
  }
}

function writeJsonUnit(out: ByteWriter, unit: number, hex: Case, plain: (unit: number) => boolean): void {
  if (plain(unit) && unit >= 0x20) {
    if (unit === 0x22 || unit === 0x5c) out.octet(0x5c);
    out.octet(unit);
  } else {
    out.text('\\u');
    writeHexOctet(out, unit >> 8, hex);
    writeHexOctet(out, unit & 0xff, hex);
  }
}
