/**
 * Injection (protocol.md §5 step 7): fills a request's slots with values, encoded so that they cannot leave their slot.
 * Never makes a value into a string, and never mends one: what does not fit its slot is refused.
 */
import {
  bodySlots,
  DAuthError,
  injectedFields,
  isScheme,
  LIMITS,
  namedFields,
  searchedFields,
  slotsOf,
  tokenSchemeOf,
  type Injection,
  type Scheme,
  type Slot,
  type Template,
} from '@dauth/protocol';
import type { SlottedBody } from '../where/body-slots.ts';
import type { ChunkKey } from './aws-chunks.ts';
import { fillBody, writeBodyValue } from './body.ts';
import { SEGMENT, UNRESERVED, writeBase64, writePercent } from './encode.ts';
import { findFields, readFields } from './fields.ts';
import { fill, HEADER_OCTET, NO_CONTROL, unfit, type Fields, type Rule } from './fill.ts';
import { searchedParts } from './grant.ts';
import { openTokens, type KeptToken } from './kept-token.ts';
import { areSame, ownedBytes, ownedConcat, placeOf, wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';
import { sign, type Outgoing } from './sign.ts';
import { ByteWriter } from './writer.ts';

/** A request before its slots are filled: `target` is the caller's path and query, already allowed. */
export type Fillable = Omit<Outgoing, 'target'> & { readonly target: string };

/** A request's slots, filled. All buffers are owned memory; whoever takes them zeroes them. */
export interface Filled {
  /** Path and query. */
  readonly target: Buffer;
  /** Header lines, each with its CRLF. */
  readonly lines: Buffer;
  /** A body that is filled: the caller's where slots are in it, or what a token is asked for with; else null. */
  readonly body: Buffer | null;
  /** Whether a value is short enough to be guessed by watching where it is starred out. */
  readonly isGuessable: boolean;
  /**
   * What an answer must not contain: each searched field's value, as it is in a URL or a body where it is in one, each Basic
   * credential, the token, and what a signature was made with.
   */
  readonly secrets: readonly Buffer[];
  /** What the pieces of a body are signed with; whoever takes it disposes of it. */
  readonly chunkKey?: ChunkKey;
}

/** RFC 6265 §4.1.1 `cookie-octet`. */
const COOKIE_OCTET: Rule = (octet) =>
  octet > 0x20 && octet < 0x7f && octet !== 0x22 && octet !== 0x2c && octet !== 0x3b && octet !== 0x5c;
/** What percent-encoding cannot keep in its slot: controls, and what servers take for a separator once decoded. */
const SEGMENT_OCTET: Rule = (octet) => NO_CONTROL(octet) && octet !== 0x2f && octet !== 0x5c;

/**
/**
 * Fills every slot of a request, and signs it then where a scheme says so.
 * @param slotted the caller's body, where slots are in it
 * @param kept what a credential was exchanged for, where a scheme says so
 * @throws DAuthError `DECRYPTION_FAILED` for a plaintext without the named fields; `POLICY_DENIED` for a value that does
 * not fit its slot or could not be found again in an answer
 */
export function inject(
  plaintext: Plaintext,
  injections: readonly Injection[],
  request: Fillable,
  slotted?: SlottedBody,
  kept?: KeptToken,
): Filled {
  if ((tokenSchemeOf(injections) === undefined) !== (kept === undefined))
    throw new TypeError('A token goes with a token scheme.');
  const signer = injections.find(isScheme);
  const slots = slotsOf(injections);
  // Every slot or none: a request without one of its credentials is another request than the owner sealed.
  if (bodySlots(slots).length !== (slotted?.places.length ?? 0)) throw new TypeError('A body slot has no place.');
  const opened = kept === undefined ? [] : openTokens(kept, plaintext);
  const [token = null, ...behind] = opened;
  return plaintext.lend((bytes) => {
    const secrets: Buffer[] = [...opened];
    const filled: Buffer[] = [];
    try {
      const fields = readFields(bytes, injectedFields(injections));
      for (const name of searchedFields(injections)) {
        for (const value of searchedParts(injections, name, fields)) {
          assertFindable(value);
          // An access token that is all there is has been opened already.
          if (token === null || !areSame(token, value)) secrets.push(ownedConcat(value));
        }
      }
      // Of assertions only so many are kept as can be searched for beside the rest.
      if (octetsOf(secrets) - octetsOf(behind) > LIMITS.injectedTotal)
        throw unfit('makes them too long together to be searched for in answers');
      for (const written of slots.flatMap((slot) => writtenForms(slot, fields))) {
        // Once each: a field in many slots would take that many times as long to be searched for.
        if (secrets.some((secret) => areSame(secret, written))) wipe(written);
        else secrets.push(written);
      }
      const target = fillTarget(request.target, slots, fields);
      filled.push(target);
      const lines = fillLines(slots, fields, token);
      filled.push(lines);
      const body = slotted === undefined ? null : fillBody(slotted, fields);
      if (body !== null) filled.push(body);
      const used = [...secretFields(slots, signer), ...shownFields(injections)].map((name) => fields.get(name)!);
      const isGuessable = [...used, ...opened].some(({ length }) => length < LIMITS.guessableValue);
      if (signer === undefined) return { target, lines, body, secrets, isGuessable };
      const signed = sign(signer, fields, { ...request, target });
      const allLines = ownedConcat(lines, signed.lines);
      wipe(target, lines, signed.lines);
      const all = [...secrets, ...signed.secrets];
      const pieces = signed.chunkKey === undefined ? {} : { chunkKey: signed.chunkKey };
      return { target: signed.target, lines: allLines, body, secrets: all, isGuessable, ...pieces };
    } catch (error) {
      wipe(...secrets, ...filled);
      throw error;
    }
  });
}

function octetsOf(all: readonly Buffer[]): number {
  return all.reduce((sum, { length }) => sum + length, 0);
}

/** The values of the searched fields that are not among `known` yet, in owned memory which the caller zeroes. */
export function searchedValues(
  plaintext: Plaintext,
  injections: readonly Injection[],
  known: readonly Buffer[],
): readonly Buffer[] {
  return plaintext.lend((bytes) => {
    const fields = readFields(bytes, searchedFields(injections));
    return [...fields.keys()]
      .flatMap((name) => searchedParts(injections, name, fields))
      .filter((value) => !known.some((one) => areSame(one, value)))
      .map((value) => ownedConcat(value));
  });
}

/** The values of those of the fields that it has, in owned memory which the caller zeroes. */
export function heldValues(plaintext: Plaintext, fields: readonly string[]): readonly Buffer[] {
  return plaintext.lend((bytes) => [...findFields(bytes, new Set(fields)).values()].map((value) => ownedConcat(value)));
}

/** The fields that are secrets: all but a Basic user name beside a password, and the name of a key that signs. */
function secretFields(slots: readonly Slot[], signer: Scheme | undefined): ReadonlySet<string> {
  const passwords = slots.map((slot) =>
    slot.in === 'basic' && namedFields([slot.pass]).length > 0 ? { ...slot, user: '' } : slot,
  );
  return injectedFields(signer === undefined ? passwords : [...passwords, withoutName(signer)]);
}

/** The fields that a token scheme shows to its endpoints as secrets: answers are searched for them, too. */
function shownFields(injections: readonly Injection[]): ReadonlySet<string> {
  const scheme = tokenSchemeOf(injections);
  const parts: readonly Partial<Record<string, unknown>>[] =
    scheme === undefined ? [] : [{ ...scheme }, ...('idp' in scheme ? [{ ...scheme.idp }] : [])];
  const shown = parts.flatMap((part) => SHOWN.map((name) => part[name]));
  return new Set(namedFields(shown.filter((template) => typeof template === 'string')));
}

const SHOWN = ['client_secret', 'subject_token', 'actor_token', 'refresh_token'];

function withoutName(scheme: Scheme): Scheme {
  switch (scheme.scheme) {
    case 'aws_sigv4':
      return { ...scheme, access_key: '' };
    case 'hmac':
      return scheme;
    case 'oauth1':
      return { ...scheme, consumer_key: '' };
  }
}

/** Longer runs of one pattern make the search for a value quadratic, which an upstream could spend for all. */
const LONGEST_REPETITION = 64;

/** Before anything is sent: a value that the scan would miss, or be slow over, is not injected. */
export function assertFindable(value: Buffer): void {
  const why = whyUnfindable(value);
  if (why !== null) throw unfit(why);
}

/** What is wrong with a value that an answer cannot be searched for. */
export function whyUnfindable(value: Buffer): string | null {
  if (value.length < LIMITS.shortestValue) return 'is too short to be recognized in an answer';
  if (value.length > LIMITS.injectedValue) return 'is too long to be searched for in answers';
  // RFC 9110 §5.5: readers cut spaces off a header's ends, and would echo what we do not look for.
  if (value[0] === 0x20 || value.at(-1) === 0x20) return 'begins or ends with a space';
  if (repeats(value, 1) || repeats(value, -1)) return 'repeats itself too much to be searched for';
  return null;
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
function writtenForms(injection: Slot, fields: Fields): Buffer[] {
  if (injection.in === 'basic') return [basicCredential(injection, fields)];
  if (injection.in === 'header' || injection.in === 'cookie') return [];
  return [...injectedFields([injection])].map((name) => {
    using written = new ByteWriter();
    if (injection.in === 'body') writeBodyValue(written, injection, fields.get(name)!);
    else writePercent(written, fields.get(name)!, injection.in === 'path' ? SEGMENT : UNRESERVED);
    return written.take();
  });
}

function fillLines(injections: readonly Slot[], fields: Fields, token: Buffer | null): Buffer {
  using lines = new ByteWriter();
  if (token !== null) lines.text('authorization: Bearer ').bytes(token).text('\r\n');
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

function basicCredential(injection: Slot & { in: 'basic' }, fields: Fields): Buffer {
  using user = fill(injection.user, fields, NO_CONTROL);
  // RFC 7617 §2: everything after the first colon is the password, so a colon would move the border.
  if (placeOf(user.bytes, 0x3a) >= 0) throw unfit('has a colon, which a Basic user name cannot have');
  using pass = fill(injection.pass, fields, NO_CONTROL);
  const pair = ownedConcat(user.bytes, Buffer.from(':'), pass.bytes);
  using credential = new ByteWriter(Math.ceil(pair.length / 3) * 4);
  writeBase64(credential, pair, 'base64', true);
  wipe(pair);
  return credential.take();
}

function fillTarget(target: string, injections: readonly Slot[], fields: Fields): Buffer {
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
