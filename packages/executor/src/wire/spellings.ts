/**
 * How others spell octets that they were given: hex, percent, JSON, HTML, base64 at any alignment, UTF-16, each writer in its own way.
 * Never through a string: what is spelled is a secret.
 */
import {
  PERCENT_SETS,
  writeBase64,
  writeBase64Inner,
  writeForm,
  writeHex,
  writeHexOctet,
  writePercent,
  type Case,
} from '../secret/encode.ts';
import { ownedBytes } from '../secret/memory.ts';
import type { ByteWriter } from '../secret/writer.ts';

const CASES: readonly Case[] = ['lower', 'upper'];
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

/** Every spelling of a secret, each followed by a word to `end`. */
export function writeForms(out: ByteWriter, secret: Uint8Array, end: () => void): void {
  const form = (write: () => void): void => {
    write();
    end();
  };
  form(() => out.bytes(secret));
  for (const hex of CASES) {
    form(() => writeCase(out, secret, hex));
    for (const plain of PERCENT_SETS) form(() => writePercent(out, secret, plain, hex));
    form(() => writeForm(out, secret, hex));
    form(() => writeHex(out, secret, hex));
    // Amazon S3 answers a signature that does not match with the octets it was to be over, in hex with spaces between.
    form(() =>
      secret.forEach((octet, at) => {
        if (at > 0) out.octet(0x20);
        writeHexOctet(out, octet, hex);
      }),
    );
  }
  writeUnicodeForms(out, secret, form);
  for (const alphabet of ['base64', 'base64url'] as const) {
    form(() => writeBase64(out, secret, alphabet, alphabet === 'base64'));
    for (const shift of [0, 1, 2]) form(() => writeBase64Inner(out, secret, alphabet, shift));
  }
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

/** As it is, in JSON with `\/`, and percent-encoded: of base64 nothing but `+`, `/` and `=` is ever escaped. */
export function writeLineForms(out: ByteWriter, line: Uint8Array, end: () => void): void {
  out.bytes(line);
  end();
  writeJson(out, line, 'lower', (octet) => octet === 0x2f);
  end();
  for (const hex of CASES) {
    writeForm(out, line, hex);
    end();
  }
}

/** JSON (RFC 8259 §7) as different writers escape it, and UTF-16 in both orders. */
function writeUnicodeForms(out: ByteWriter, secret: Uint8Array, form: (write: () => void) => void): void {
  const units = utf16(secret);
  try {
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
      form(() => writeJsonUnits(out, units, hex, () => false));
    }
    form(() => units.forEach((unit) => out.octet(unit & 0xff).octet(unit >> 8)));
    form(() => units.forEach((unit) => out.octet(unit >> 8).octet(unit & 0xff)));
  } finally {
    units.fill(0);
  }
}

function writeJson(
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

function writeJsonUnits(
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

function writeCase(out: ByteWriter, secret: Uint8Array, to: Case): void {
  const [first, last] = to === 'lower' ? [0x41, 0x5a] : [0x61, 0x7a];
  for (const octet of secret) out.octet(octet >= first && octet <= last ? octet ^ 0x20 : octet);
}

/** UTF-16 code units of UTF-8 bytes; of anything else each octet by itself. */
function utf16(bytes: Uint8Array): Uint16Array {
  const units = new Uint16Array(ownedBytes(bytes.length * 2).buffer);
  let length = 0;
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    const extra = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : -1;
    let point = extra <= 0 ? lead : lead & (0x3f >> extra);
    let valid = extra >= 0 && i + extra < bytes.length;
    for (let k = 1; valid && k <= extra; k++) {
      const next = bytes[i + k]!;
      valid = next >> 6 === 2;
      point = (point << 6) | (next & 0x3f);
    }
    if (!valid) {
      units.forEach((_, at) => (units[at] = bytes[at]!));
      return units;
    }
    if (point > 0xffff) {
      units[length++] = 0xd800 + ((point - 0x10000) >> 10);
      units[length++] = 0xdc00 + ((point - 0x10000) & 0x3ff);
    } else units[length++] = point;
    i += extra + 1;
  }
  return units.subarray(0, length);
}
