/**
 * Every form in which an answer could give a secret back (security.md `response.clean`): raw, percent, JSON, base64 at
 * any alignment, hex, UTF-16, HTML. Never plain at rest: between two looks the forms lie under a random mask.
 */
import { randomFillSync } from 'node:crypto';
import { LIMITS } from '@dauth/protocol';
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
import { unfit } from '../secret/fill.ts';
import { compareOctets, ownedBytes, placeOf, wipe } from '../secret/memory.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { ByteWriter } from '../secret/writer.ts';

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

/** The forms of some secrets, in one owned block that is masked but while it is lent. */
export class Forms {
  readonly #block: Buffer;
  readonly #mask: Buffer;
  readonly #forms: readonly Buffer[];
  /** Octets of the longest form. */
  readonly longest: number;
  /** Octets of the longest form with a line end in it (UTF-16 of some scripts has such an octet, and a derived key may). */
  readonly longestAcrossLines: number;

  /**
   * Reads what it is given and leaves zeroing it to the caller.
   * @param lines text in base64 that stands in lines, whose ends every writer spells its own way
   * @throws DAuthError `POLICY_DENIED` for one that is too short: some form of it would be empty, and stand everywhere
   */
  constructor(secrets: readonly Uint8Array[], lines: readonly Uint8Array[] = []) {
    if ([...secrets, ...lines].some(({ length }) => length < LIMITS.shortestValue))
      throw unfit('is too short to be recognized in an answer');
    using writer = new ByteWriter(4096);
    const places: Place[] = [];
    for (const secret of secrets) places.push(...placesOf(writer, (end) => writeForms(writer, secret, end)));
    for (const line of lines) places.push(...placesOf(writer, (end) => writeLineForms(writer, line, end)));
    while (writer.length % 4 !== 0) writer.octet(0);
    this.#block = writer.take();
    const all = places.map(({ start, end }) => this.#block.subarray(start, end));
    // The longest first, so that a form inside another one is found inside what is redacted already. Equal ones stand beside each
    // other then: whoever seals decides how many there are, so that each is not compared with all.
    this.#forms = all
      .sort((a, b) => b.length - a.length || compareOctets(a, b))
      .filter((form, index) => index === 0 || compareOctets(form, all[index - 1]!) !== 0);
    this.longest = this.#forms[0]?.length ?? 0;
    this.longestAcrossLines = this.#forms.find((form) => placeOf(form, 0x0a) >= 0)?.length ?? 0;
    this.#mask = randomFillSync(ownedBytes(this.#block.length));
    this.#flip();
  }

  /** Lends the plain forms for one synchronous look. */
  lend<T>(look: (forms: readonly Buffer[]) => T): T {
    this.#flip();
    try {
      return look(this.#forms);
    } finally {
      this.#flip();
    }
  }

  [Symbol.dispose](): void {
    wipe(this.#block, this.#mask);
  }

  #flip(): void {
    // Whole words: the forms of long values are a quarter of a megabyte, and every look passes over them twice.
    const [block, mask] = [new Uint32Array(this.#block.buffer), new Uint32Array(this.#mask.buffer)];
    for (let i = 0; i < block.length; i++) block[i]! ^= mask[i]!;
    // Comparing and searching leave pieces of the forms there.
    scrubRegisters();
  }
}

/** Where a form stands in what is written. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/** Most writers escape nothing of most secrets: what stands there already is taken back. */
function placesOf(out: ByteWriter, write: (end: () => void) => void): readonly Place[] {
  const places: Place[] = [];
  let start = out.length;
  write(() => {
    const end = out.length;
    if (places.some((one) => one.end - one.start === end - start && out.isRepeated(start, one.start)))
      out.takeBack(start);
    else places.push({ start, end });
    start = out.length;
  });
  return places;
}

function writeForms(out: ByteWriter, secret: Uint8Array, end: () => void): void {
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
function writeLineForms(out: ByteWriter, line: Uint8Array, end: () => void): void {
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
