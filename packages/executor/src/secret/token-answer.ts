/**
 * Reads what a token endpoint answers (RFC 6749 §5.1, §5.2), or GitHub with a token of an installation: the members that count.
 * Never makes a string or a JSON value of anything in it: its members are credentials.
 */
import { ID_JAG, LIMITS } from '@dauth/protocol';
import { decodeText, isText, readMembers, type Members } from './json-members.ts';
import { ascii, isDigit } from './json-walk.ts';
import { wipe } from './memory.ts';

export interface TokenAnswer {
  /** Owned memory which the caller zeroes. */
  readonly token: Buffer;
  /** Seconds; null where it is not there, or no plain integer of seconds or no time in UTC. */
  readonly expiresIn: number | null;
}

/** What a refresh token was exchanged for. */
export interface RefreshAnswer extends TokenAnswer {
  /** The next refresh token, in owned memory which the caller zeroes; null where the one that was shown stays. */
  readonly refresh: Buffer | null;
}

const OF_TOKENS = ['access_token', 'token_type', 'expires_in'] as const;
const BEARER = ascii('bearer');
/** RFC 8693 §2.2.1: what is no access token has this type. */
const N_A = ascii('n_a');
const ID_JAG_TYPE = ascii(ID_JAG);
const INVALID_GRANT = ascii('invalid_grant');
const NULL = Buffer.from('null', 'latin1');
const DIGIT = 0x30;
/** RFC 3339 §5.6, in UTC: what is no digit has to stand as it does here. */
const TIME = ascii('0000-00-00T00:00:00');

/**
 * @returns null where it is no such answer: not JSON, another token type, a member twice, or a token with octets that no
 * Authorization header carries
 */
export function readTokenAnswer(answer: Buffer): TokenAnswer | null {
  return readFound(read(answer, OF_TOKENS));
}

/** As `readTokenAnswer`, for a refresh token (RFC 6749 §6); null also where the next one is no text, or has octets that none has. */
export function readRefreshAnswer(answer: Buffer): RefreshAnswer | null {
  const found = read(answer, [...OF_TOKENS, 'refresh_token']);
  const said = readFound(found);
  if (found === null || said === null) return null;
  const next = found.refresh_token;
  const text = textOf(next);
  // Nothing, or nothing said aloud.
  if (next === null || text?.length === 0 || NULL.equals(next)) return { ...said, refresh: null };
  const refresh = text === null ? null : decodeText(text);
  if (refresh?.every(isVschar) === true) return { ...said, refresh };
  wipe(said.token, refresh);
  return null;
}

/**
 * An ID-JAG, as an identity provider gives one (RFC 8693 §2.2.1, §4.3.3 of its draft).
 * @returns null where it is none, such as an access token that was not asked for
 */
export function readIdJag(answer: Buffer): TokenAnswer | null {
  const found = read(answer, [...OF_TOKENS, 'issued_token_type']);
  const [type, issued] = [textOf(found?.token_type), textOf(found?.issued_token_type)];
  if (found === null || type === null || issued === null) return null;
  return isText(type, N_A, true) && isText(issued, ID_JAG_TYPE, false) ? withTime(found) : null;
}

/** Whether a refusal says that the grant behind the refresh token is gone (RFC 6749 §5.2). */
export function isInvalidGrant(answer: Buffer): boolean {
  const error = textOf(read(answer, ['error'])?.error);
  return error !== null && isText(error, INVALID_GRANT, false);
}

/**
 * "Create an installation access token for an app", of GitHub's REST API.
 * @param now Unix seconds
 * @returns as above
 */
export function readInstallationToken(answer: Buffer, now: number): TokenAnswer | null {
  const found = read(answer, ['token', 'expires_at']);
  const token = tokenOf(found?.token);
  if (found === null || token === null) return null;
  const end = timeOf(textOf(found.expires_at));
  return { token, expiresIn: end === null ? null : Math.max(end - now, 0) };
}

function read<Name extends string>(answer: Buffer, names: readonly Name[]): Members<Name> | null {
  return answer.length > LIMITS.tokenAnswer ? null : readMembers(answer, names);
}

function readFound(found: Members<(typeof OF_TOKENS)[number]> | null): TokenAnswer | null {
  const type = textOf(found?.token_type);
  return found === null || type === null || !isText(type, BEARER, true) ? null : withTime(found);
}

function withTime(found: Members<(typeof OF_TOKENS)[number]>): TokenAnswer | null {
  const token = tokenOf(found.access_token);
  return token === null ? null : { token, expiresIn: found.expires_in === null ? null : seconds(found.expires_in) };
}

/** Without its quotes; null where it is no text. */
function textOf(value: Buffer | null | undefined): Buffer | null {
  return value?.[0] === 0x22 ? value.subarray(1, -1) : null;
}

/** Owned memory. */
function tokenOf(value: Buffer | null | undefined): Buffer | null {
  const text = textOf(value);
  const token = text === null ? null : decodeText(text);
  if (token === null || (token.length > 0 && token.every(isVisible))) return token;
  wipe(token);
  return null;
}

/** RFC 6749 Appendix A.12 without the space, which would end it in a header. */
function isVisible(octet: number): boolean {
  return octet >= 0x21 && octet <= 0x7e;
}

/** RFC 6749 Appendix A.17. */
function isVschar(octet: number): boolean {
  return octet >= 0x20 && octet <= 0x7e;
}

/** A plain integer; as many digits as no clock needs are no time. */
function seconds(number: Buffer): number | null {
  if (number.length > 15 || !number.every(isDigit)) return null;
  return number.reduce((sum, digit) => sum * 10 + (digit - 0x30), 0);
}

/** Unix seconds of `2026-11-29T18:00:00Z`, fractions left out; null for anything else. */
function timeOf(text: Buffer | null): number | null {
  if (text === null || text.length > 40 || text.at(-1) !== 0x5a) return null;
  const rest = text.subarray(TIME.length, -1);
  const isPlain =
    TIME.every((octet, at) => (octet === DIGIT ? isDigit(text[at] ?? 0) : text[at] === octet)) &&
    (rest.length === 0 || (rest[0] === 0x2e && rest.length > 1 && rest.subarray(1).every(isDigit)));
  if (!isPlain) return null;
  const number = (at: number, length: number): number =>
    text.subarray(at, at + length).reduce((sum, digit) => sum * 10 + (digit - DIGIT), 0);
  return Date.UTC(number(0, 4), number(5, 2) - 1, number(8, 2), number(11, 2), number(14, 2), number(17, 2)) / 1_000;
}
