/**
 * Injection into a body (§5.4): the caller's octets and the values between them, as they go to the socket.
 * Never a string, and never memory that is not zeroed by whoever takes it.
 */
import type { BodySlot } from '@dauth/protocol';
import type { SlottedBody } from '../where/body-slots.ts';
import { UNRESERVED, writePercent } from './encode.ts';
import { fill, NO_CONTROL, unfit, type Fields } from './fill.ts';
import { ByteWriter } from './writer.ts';

/** @returns owned memory @throws DAuthError `POLICY_DENIED` for a value that does not fit its slot */
export function fillBody({ octets, places }: SlottedBody, fields: Fields): Buffer {
  using out = new ByteWriter(octets.length + 1_024);
  let from = 0;
  for (const { slot, at, before, behind } of places) {
    out.bytes(octets.subarray(from, at)).text(before);
    using value = fill(slot.value, fields, NO_CONTROL);
    // RFC 8259 §8.1: other octets would make the caller's document none.
    if ('pointer' in slot && !isUtf8(value.bytes)) throw unfit('is no UTF-8, which JSON needs');
    writeBodyValue(out, slot, value.bytes);
    out.text(behind);
    from = at;
  }
  return out.bytes(octets.subarray(from)).take();
}

/** How a value stands in a body: in a form like in a query, in JSON as a string (RFC 8259 §7). */
export function writeBodyValue(out: ByteWriter, slot: BodySlot, value: Uint8Array): void {
  if ('field' in slot) return writePercent(out, value, UNRESERVED);
  for (const octet of value) {
    if (octet === 0x22 || octet === 0x5c) out.octet(0x5c);
    out.octet(octet);
  }
}

/** RFC 3629 §4. */
function isUtf8(value: Uint8Array): boolean {
  for (let at = 0; at < value.length;) {
    const lead = value[at]!;
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (length > 1) {
      if (lead < 0xc2 || lead > 0xf4 || at + length > value.length) return false;
      const second = value[at + 1]!;
      const [least, most] = [
        lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80,
        lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf,
      ];
      if (second < least || second > most) return false;
      for (let k = 2; k < length; k++) if (value[at + k]! >> 6 !== 2) return false;
    }
    at += length;
  }
  return true;
}
