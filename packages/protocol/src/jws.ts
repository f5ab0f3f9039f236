/**
 * The compact form of a JWS (RFC 7515 §7.1), as syntax: split, strict header, exact signing input.
 * Never says that a signature is good: that is `@dauth/verify`, or the client's own check.
 */
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { DAuthError } from './errors.ts';
import { isObject, parseJson, type JsonObject } from './json.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

const MAX_HEADER = 8_192;

export interface CompactJws {
  readonly header: JsonObject;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** ASCII of `header.payload`: what was signed. */
  readonly signingInput: string;
}

/**
 * Takes a compact JWS apart. Size first, exactly three canonical base64url segments, none of them empty.
 * @param known what the very text of its first segment was read as before
 * @throws DAuthError `PAYLOAD_TOO_LARGE`, `INVALID_REQUEST`
 */
export function splitJws(compact: string, maxLength: number, known?: JsonObject): CompactJws {
  if (compact.length > maxLength) throw new DAuthError('PAYLOAD_TOO_LARGE', 'A token or proof is larger than allowed.');
  const segments = compact.split('.');
  const [head, body, signature] = segments;
  if (segments.length !== 3 || !head || !body || !signature) throw malformed();
  const header = known ?? parseJson(decodeUtf8(decodeBase64url(head)), MAX_HEADER);
  if (!isObject(header)) throw malformed();
  return {
    header,
    payload: decodeBase64url(body),
    signature: decodeBase64url(signature),
    signingInput: `${head}.${body}`,
  };
}

/** Parses a payload as a claims set. @throws DAuthError `INVALID_REQUEST` */
export function parseClaims(payload: Uint8Array, maxLength: number): JsonObject {
  const claims = parseJson(decodeUtf8(payload), maxLength);
  if (!isObject(claims)) throw malformed();
  return claims;
}

/** The text to sign for a header and a claims set. */
export function jwsSigningInput(header: object, claims: object): string {
  return `${encodeJson(header)}.${encodeJson(claims)}`;
}

/** Completes a compact JWS. */
export function joinJws(signingInput: string, signature: Uint8Array): string {
  return `${signingInput}.${encodeBase64url(signature)}`;
}

function encodeJson(value: object): string {
  return encodeBase64url(encodeUtf8(JSON.stringify(value)));
}

function malformed(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A token or proof is not a compact JWS.');
}
