/**
 * One answer that is a credential (§2.8, step 9): what its owner's pointers lead to is taken out and sealed, a handle stands in
 * its place, and what is left is searched for it like for any secret.
 * Never passes on an answer whose values are not sealed and stored.
 */
import { HEADER, type CapturedValue, type ConnectionHandle } from '@dauth/protocol';
import type { Replacement } from '../reseal.ts';
import { findCaptured, uncaptured, type FoundValue } from '../secret/captured-values.ts';
import { ascii } from '../secret/json-walk.ts';
import { areSame, ownedBytes, wipe } from '../secret/memory.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { isHarmless } from '../secret/refusal-body.ts';
import { ByteWriter } from '../secret/writer.ts';
import type { AnswerHead } from './answer.ts';
import { Forms } from './forms.ts';
import { redactWhole } from './scan.ts';

/** What a call does with an answer that says yes. */
export interface CaptureAsk {
  readonly fields: readonly CapturedValue[];
  /** What stands in the place of each value. */
  readonly into: ConnectionHandle;
  /** Opens what was captured last, for which the answer is searched, too: an API may name the session that it ends. */
  readonly before: () => Plaintext;
  /** Seals before it returns, and settles once that is stored. The values stay the caller's to zero. */
  readonly take: (values: readonly Replacement[]) => Promise<void>;
}

export interface CapturedAnswer {
  /** Scanned; owned memory. */
  readonly octets: Buffer;
  readonly redactions: number;
  /** Ours, of what goes back: how it came is for this hop. */
  readonly headers: AnswerHead['headers'];
}

const JSON_TYPE: AnswerHead['headers'] = [['content-type', 'application/json']];
/** Tells an answer that had no body from one whose body is kept back. */
const WITHHELD: AnswerHead['headers'] = [[HEADER.body, 'withheld']];

/** Names of headers that say how the body came. No other of such an answer is read: any of them may hold what is captured. */
const FRAMING = ['content-encoding', 'transfer-encoding', 'content-length', 'connection'].map(ascii);
/** Of an answer that says no, also when to try again. In any other may stand what only a login should give. */
const RETRY_AFTER = ascii('retry-after');
const REFUSING = [...FRAMING, RETRY_AFTER];
/** RFC 9110 §10.2.3: so many digits of seconds at most, or a date of one length (§5.6.7), here with `A`, `a` and `0` for what changes. */
const SECONDS = 9;
const DATE = ascii('Aaa, 00 Aaa 0000 00:00:00 GMT');

/**
 * @param answer the whole body, decoded; zeroed in the tick in which this is called
 * @param forms of the credential that was sent
 * @throws DAuthError `RESPONSE_UNSCANNABLE`, and whatever `take` does
 */
export async function captureAnswer(
  answer: Buffer,
  { fields, into, take }: CaptureAsk,
  forms: Forms,
): Promise<CapturedAnswer> {
  let found: readonly FoundValue[] = [];
  let stored: Promise<void>;
  let captured: CapturedAnswer;
  try {
    found = findCaptured(answer, fields);
    captured = replaced(answer, found, into, forms);
    stored = take(found);
  } finally {
    wipe(answer, ...found.map(({ value }) => value));
  }
  await stored;
  return captured;
}

/**
 * An answer that says no, and in which nothing is captured: whoever asked for it may have chosen that it does, and in which form.
 * Its status goes back whatever it holds, its body only where that shows to hold no credential.
 * @param answer the whole body, decoded; given back, with stars, or zeroed
 */
export async function refusingAnswer(answer: Buffer, { fields }: CaptureAsk, forms: Forms): Promise<CapturedAnswer> {
  if (answer.length === 0) return { octets: answer, redactions: 0, headers: [] };
  // With stars first: what is kept back must not tell what an echo of the password has in it.
  const redactions = redactWhole(answer, [forms]);
  if (isHarmless(answer, fields)) return { octets: answer, redactions, headers: JSON_TYPE };
  wipe(answer);
  return { octets: ownedBytes(0), redactions: 0, headers: WITHHELD };
}

/** In an answer that says no nothing is captured; one that leads elsewhere may lead there with a credential. */
export function captureOf(ask: CaptureAsk | undefined, status: number): CaptureAsk | undefined {
  if (ask === undefined || status >= 400) return undefined;
  if (status >= 300) throw uncaptured('leads elsewhere, where nothing can be captured');
  return ask;
}

/** With the handle as a JSON string where the values stood. */
function replaced(answer: Buffer, found: readonly FoundValue[], into: ConnectionHandle, forms: Forms): CapturedAnswer {
  const handle = Buffer.from(JSON.stringify(into), 'ascii');
  const places: number[] = [];
  using out = new ByteWriter(answer.length);
  let at = 0;
  for (const { start, end } of found.toSorted((a, b) => a.start - b.start)) {
    out.bytes(answer.subarray(at, start));
    places.push(out.length);
    out.bytes(handle);
    at = end;
  }
  const octets = out.bytes(answer.subarray(at)).take();
  using secrets = new Forms(found.map(({ value }) => value));
  const redactions = redactWhole(octets, [forms, secrets]);
  // A value that is part of the handle's own text is no secret, and would star out what stands for it.
  if (!places.every((place) => areSame(octets.subarray(place, place + handle.length), handle)))
    throw uncaptured('has a captured value that is part of what would stand in its place');
  return { octets, redactions, headers: JSON_TYPE };
}

/** Name and value in turn, of those headers alone that are read of the answer to a login. */
export function readableOf(raw: readonly Buffer[], isCaptured: boolean): Buffer[] {
  const names = isCaptured ? FRAMING : REFUSING;
  return raw.filter((_, at) => {
    const [name, value] = [raw[at - (at % 2)]!, raw[at - (at % 2) + 1]!];
    return names.some((known) => isName(name, known)) && (!isName(name, RETRY_AFTER) || isWait(value));
  });
}

/** By its octets: what has another form may be what is captured, and no string is made of it. */
function isWait(value: Buffer | undefined): boolean {
  if (value === undefined || value.length === 0) return false;
  if (value.length <= SECONDS) return value.every((octet) => hasForm(octet, 0x30));
  return value.length === DATE.length && value.every((octet, at) => hasForm(octet, DATE[at]!));
}

function hasForm(octet: number, form: number): boolean {
  if (form === 0x41) return octet >= 0x41 && octet <= 0x5a;
  if (form === 0x61) return octet >= 0x61 && octet <= 0x7a;
  return form === 0x30 ? octet >= 0x30 && octet <= 0x39 : octet === form;
}

function isName(octets: Buffer, name: Uint8Array): boolean {
  if (octets.length !== name.length) return false;
  return name.every((octet, at) => octet === octets[at] || (octet > 0x60 && octet === octets[at]! + 0x20));
}
