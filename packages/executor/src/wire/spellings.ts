/**
 * How others spell octets that they were given: in hex, base64 at any alignment, UTF-16, and escaped.
 * Never through a string: what is spelled is a secret.
 */
import {
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
import { CASES, isLeftAlone, writeEscapedForms, writeJson, writeJsonUnits } from './escapes.ts';

/** Percent-encoders that leave nothing. */
const NO_OCTETS: ReadonlySet<number> = new Set();

/** Every spelling of a secret, each followed by a word to `end`. */
export function writeForms(out: ByteWriter, secret: Uint8Array, end: () => void): void {
  const form = (write: () => void): void => {
    write();
    end();
  };
  form(() => out.bytes(secret));
  for (const hex of CASES) {
    form(() => writeCase(out, secret, hex));
    form(() => writePercent(out, secret, NO_OCTETS, hex));
    form(() => writeHex(out, secret, hex));
    // Amazon S3 answers a signature that does not match with the octets it was to be over, in hex with spaces between.
    form(() =>
      secret.forEach((octet, at) => {
        if (at > 0) out.octet(0x20);
        writeHexOctet(out, octet, hex);
      }),
    );
  }
  for (const alphabet of ['base64', 'base64url'] as const) {
    form(() => writeBase64(out, secret, alphabet, alphabet === 'base64'));
    for (const shift of [0, 1, 2]) form(() => writeBase64Inner(out, secret, alphabet, shift));
  }
  const units = utf16(secret);
  try {
    form(() => units.forEach((unit) => out.octet(unit & 0xff).octet(unit >> 8)));
    form(() => units.forEach((unit) => out.octet(unit >> 8).octet(unit & 0xff)));
    for (const hex of CASES) form(() => writeJsonUnits(out, units, hex, () => false));
    if (!isLeftAlone(secret)) writeEscapedForms(out, secret, units, form);
  } finally {
    units.fill(0);
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
