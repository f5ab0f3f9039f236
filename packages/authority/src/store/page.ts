/** Pages of rows: how many fit, and where the next one starts. Never a page that ends before a first row that is there. */
import { DAuthError } from '@dauth/protocol';

/** The first rows that stay within `octets`; always one where there is one, so that a reader gets on. */
export function takeWithin<T>(rows: readonly T[], octets: number, sizeOf: (row: T) => number): readonly T[] {
  let size = 0;
  const end = rows.findIndex((row, index) => (size += sizeOf(row)) > octets && index > 0);
  return end === -1 ? rows : rows.slice(0, end);
}

/** A place in rows ordered by time of making and id: after the last row that was seen, whether it is still there or not. */
export interface Place {
  readonly created_at: number;
  readonly id: string;
}

export const FIRST: Place = Object.freeze({ created_at: -1, id: '' });

/** Rows of a page of the API. */
export const PAGE = 100;

/** As `LIMIT`: every row that is there. */
export const ALL = -1;

function formatCursor({ created_at, id }: Place): string {
  return `${created_at}.${id}`;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseCursor(value: string | undefined): Place {
  if (value === undefined) return FIRST;
  const [, time, id] = /^([0-9]{1,15})\.([\x21-\x7e]{1,512})$/.exec(value) ?? [];
  if (time === undefined || id === undefined)
    throw new DAuthError('INVALID_REQUEST', '"cursor" must be the "next" of the page before.');
  return { created_at: Number(time), id };
}

/** One row more than a page was read: it says whether there is a next one. */
export function asPage<T extends Pick<Place, 'created_at'>>(rows: readonly T[], idOf: (row: T) => string): object {
  const items = rows.slice(0, PAGE);
  const last = items.at(-1);
  const hasMore = last !== undefined && rows.length > PAGE;
  return { items, next: hasMore ? formatCursor({ created_at: last.created_at, id: idOf(last) }) : null };
}
