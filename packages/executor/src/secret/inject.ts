/**
 * Injection (protocol.md §5 step 7): fills a request's slots with values, encoded so that they cannot leave their slot.
 * Never makes a value into a string, and never mends one: what does not fit its slot is refused.
 */
import { bodySlots, DAuthError, injectedFields, LIMITS, type Injection, type Template } from '@dauth/protocol';
import type { SlottedBody } from '../where/body-slots.ts';
import { fillBody, writeBodyValue } from './body.ts';
import { SEGMENT, UNRESERVED, writeBase64, writePercent } from './encode.ts';
import { readFields } from './fields.ts';
import { ownedBytes, ownedConcat, wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';
import { fill, NO_CONTROL, unfit, type Fields, type Rule } from './values.ts';
import { ByteWriter } from './writer.ts';

/** A request's slots, filled. All buffers are owned memory; whoever takes them zeroes them. */
export interface Filled {
  /** Path and query. */
  readonly target: Buffer;
  /** Header lines, each with its CRLF. */
  readonly lines: Buffer;
  /** The caller's body with its slots filled; null where no slot is in it. */
  readonly body: Buffer | null;
  /** Whether a value is short enough to be guessed by watching where it is starred out. */
  readonly isGuessable: boolean;
  /** What an answer must not contain: each used field's value, as it is in a URL or a body where it is in one, each Basic credential. */
  readonly secrets: readonly Buffer[];
}

/** RFC 9110 §5.5 field content without obs-text: one line, nothing invisible. */
const HEADER_OCTET: Rule = (octet) => octet >= 0x20 && octet <= 0x7e;
/** RFC 6265 §4.1.1 `cookie-octet`. */
const COOKIE_OCTET: Rule = (octet) =>
  octet > 0x20 && octet < 0x7f && octet !== 0x22 && octet !== 0x2c && octet !== 0x3b && octet !== 0x5c;
/** What percent-encoding cannot keep in its slot: controls, and what servers take for a separator once decoded. */
const SEGMENT_OCTET: Rule = (octet) => NO_CONTROL(octet) && octet !== 0x2f && octet !== 0x5c;

/**
 * Fills every slot of a request.
 * @param target the caller's path and query, already allowed
 * @param slotted the caller's body, where slots are in it
 * @throws DAuthError `DECRYPTION_FAILED` for a plaintext without the named fields; `POLICY_DENIED` for a value that does
 * not fit its slot or could not be found again in an answer
 */
export function inject(
  plaintext: Plaintext,
  injections: readonly Injection[],
  target: string,
  slotted?: SlottedBody,
): Filled {
  // Every slot or none: a request without one of its credentials is another request than the owner sealed.
  if (bodySlots(injections).length !== (slotted?.places.length ?? 0)) throw new TypeError('A body slot has no place.');
  return plaintext.lend((bytes) => {
    const fields = readFields(bytes, injectedFields(injections));
    const secrets: Buffer[] = [];
    const filled: Buffer[] = [];
    try {
      for (const value of fields.values()) {
        assertFindable(value);
        secrets.push(ownedConcat(value));
      }
      if (secrets.reduce((sum, { length }) => sum + length, 0) > LIMITS.injectedTotal)
        throw unfit('makes them too long together to be searched for in answers');
      for (const injection of injections) secrets.push(...writtenForms(injection, fields));
      filled.push(fillTarget(target, injections, fields));
      filled.push(fillLines(injections, fields));
      if (slotted !== undefined) filled.push(fillBody(slotted, fields));
      const [path, lines, body] = filled;
      const isGuessable = [...secretFields(injections)].some(
        (name) => fields.get(name)!.length < LIMITS.guessableValue,
      );
      return { target: path!, lines: lines!, body: body ?? null, secrets, isGuessable };
    } catch (error) {
      wipe(...secrets, ...filled);
      throw error;
    }
  });
}

/** The fields that are secrets: all but a Basic user name beside a password. */
function secretFields(injections: readonly Injection[]): ReadonlySet<string> {
  return injectedFields(
    injections.map((injection) =>
      injection.in === 'basic' && injectedFields([{ ...injection, user: '' as Template }]).size > 0
        ? { ...injection, user: '' as Template }
        : injection,
    ),
  );
}

/** Longer runs of one pattern make the search for a value quadratic, which an upstream could spend for all. */
const LONGEST_REPETITION = 64;

/** Before anything is sent: a value that the scan would miss, or be slow over, is not injected. */
function assertFindable(value: Buffer): void {
  if (value.length < LIMITS.shortestValue) throw unfit('is too short to be recognized in an answer');
  if (value.length > LIMITS.injectedValue) throw unfit('is too long to be searched for in answers');
  // RFC 9110 §5.5: readers cut spaces off a header's ends, and would echo what we do not look for.
  if (value[0] === 0x20 || value.at(-1) === 0x20) throw unfit('begins or ends with a space');
  if (repeats(value, 1) || repeats(value, -1)) throw unfit('repeats itself too much to be searched for');
}

/** Whether a beginning (or, backwards, an end) of the value is one pattern four times over. Knuth, Morris and Pratt's table. */
function repeats(value: Buffer, direction: 1 | -1): boolean {
  const at = (index: number): number => value.at(direction === 1 ? index : -1 - index)!;
  const border = new Uint16Array(ownedBytes(value.length * 2).buffer);
  let found = false;
  for (let end = 1, matched = 0; end < value.length && !found; end++) {
    while (matched > 0 && at(end) !== at(matched)) matched = border[matched - 1]!;
    if (at(end) === at(matched)) matched++;
    border[end] = matched;
    const length = end + 1;
    found = length >= LONGEST_REPETITION && (length - matched) * 4 <= length;
  }
  border.fill(0);
  return found;
}

/** What stands on the wire of a slot in place of a field's value, where that is something else. */
function writtenForms(injection: Injection, fields: Fields): Buffer[] {
  if (injection.in === 'basic') return [basicCredential(injection, fields)];
  if (injection.in === 'header' || injection.in === 'cookie') return [];
  return [...injectedFields([injection])].map((name) => {
    using written = new ByteWriter();
    if (injection.in === 'body') writeBodyValue(written, injection, fields.get(name)!);
    else writePercent(written, fields.get(name)!, injection.in === 'path' ? SEGMENT : UNRESERVED);
    return written.take();
  });
}

function fillLines(injections: readonly Injection[], fields: Fields): Buffer {
  using lines = new ByteWriter();
  let cookies = 0;
  for (const injection of injections) {
    if (injection.in === 'header') {
      using value = fill(injection.value, fields, HEADER_OCTET);
      lines.text(`${injection.name}: `).bytes(value.bytes).text('\r\n');
    } else if (injection.in === 'basic') {
      const credential = basicCredential(injection, fields);
      lines.text('authorization: Basic ').bytes(credential).text('\r\n');
      wipe(credential);
    }
  }
  for (const injection of injections) {
    if (injection.in !== 'cookie') continue;
    using value = fill(injection.value, fields, COOKIE_OCTET);
    // A caller's own cookies are consumed before (§5), so this is the whole header.
    lines.text(`${cookies++ === 0 ? 'cookie: ' : '; '}${injection.name}=`).bytes(value.bytes);
  }
  if (cookies > 0) lines.text('\r\n');
  return lines.take();
}

function basicCredential(injection: Injection & { in: 'basic' }, fields: Fields): Buffer {
  using user = fill(injection.user, fields, NO_CONTROL);
  // RFC 7617 §2: everything after the first colon is the password, so a colon would move the border.
  if (user.bytes.includes(0x3a)) throw unfit('has a colon, which a Basic user name cannot have');
  using pass = fill(injection.pass, fields, NO_CONTROL);
  const pair = ownedConcat(user.bytes, Buffer.from(':'), pass.bytes);
  using credential = new ByteWriter(Math.ceil(pair.length / 3) * 4);
  writeBase64(credential, pair, 'base64', true);
  wipe(pair);
  return credential.take();
}

function fillTarget(target: string, injections: readonly Injection[], fields: Fields): Buffer {
  const cut = target.indexOf('?');
  const segments = (cut < 0 ? target : target.slice(0, cut)).slice(1).split('/');
  const slot = injections.find((injection) => injection.in === 'path');
  using out = new ByteWriter(target.length + 256);
  if (slot !== undefined && (slot.segment > segments.length || segments[slot.segment - 1] === '')) {
    throw new DAuthError('POLICY_DENIED', 'The path is too short for the segment that the credential fills.');
  }
  for (let i = 0; i <= segments.length; i++) {
    if (slot?.segment === i) writeSegment(out, slot.value, fields);
    if (i < segments.length) out.text(`/${segments[i]!}`);
  }
  const query = cut < 0 ? '' : target.slice(cut);
  out.text(query);
  let separator = query === '' ? '?' : query === '?' ? '' : '&';
  for (const injection of injections) {
    if (injection.in !== 'query') continue;
    using value = fill(injection.value, fields, NO_CONTROL);
    out.text(`${separator}${injection.name}=`);
    writePercent(out, value.bytes, UNRESERVED);
    separator = '&';
  }
  return out.take();
}

function writeSegment(out: ByteWriter, template: Template, fields: Fields): void {
  using value = fill(template, fields, SEGMENT_OCTET);
  // No dot segment: a value has eight octets at least, and none of them is a separator once it is decoded.
  out.text('/');
  writePercent(out, value.bytes, SEGMENT);
}
