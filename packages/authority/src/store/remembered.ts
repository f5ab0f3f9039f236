/**
 * Rows that nearly every request reads and few change. Each is read anew, as one text, and what was made of that text before is
 * what is made of it now. Never an answer without a look at the database: what was changed or revoked is seen by the next read.
 */
import { frozen } from '@dauth/protocol';
import type { Row } from './driver.ts';

/** More than are in use at a time; the least recently used makes room. */
const MOST = 1_024;
/** Characters of a row; a longer one, which somebody may have made so, is read each time. */
const LONGEST = 8_192;

/** Columns, parted by spaces, as one JSON text for `Remembered.of`: a dozen values cost more to hand over than to find. */
export function asText(columns: string): string {
  const members = columns.split(' ').map((name) => `'${name}', ${name}`);
  return `json_object(${members.join(', ')}) AS text`;
}

/** Of a row that was asked for in such a text. */
export function asRow(text: string): Row {
  return JSON.parse(text) as Row;
}

export class Remembered<T extends object> {
  readonly #make: (text: string) => T;
  readonly #made = new Map<string, T>();

  /** @param make of the column `text` of a row, with nothing else to go by */
  constructor(make: (text: string) => T) {
    this.#make = make;
  }

  /** What a row is, as everybody gets it: frozen, for it is others' too. */
  of(row: Row | undefined): T | undefined {
    if (row === undefined) return undefined;
    const text = String(row.text);
    const value = this.#made.get(text) ?? frozen(this.#make(text));
    if (text.length > LONGEST) return value;
    this.#made.delete(text);
    this.#made.set(text, value);
    if (this.#made.size > MOST) this.#made.delete(this.#made.keys().next().value!);
    return value;
  }
}
