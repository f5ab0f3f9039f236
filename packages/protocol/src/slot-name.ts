/**
 * Names of slots: of headers, query parameters, cookies and form fields that a credential may fill or sign in (§2.1).
 * Never lets a header be a slot that frames the message or chooses its route.
 */
import { canonicalHeaderName, isMethodOverride, isPathOverride } from './dispatch.ts';
import { refuse, text } from './shape.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
export const QUERY_NAME = /^[A-Za-z0-9._~\-[\]]{1,128}$/;

/**
 * Header names that are never a slot: they frame the message, choose its route, carry our own proofs, or are the
 * executor's own (§5 "Never a slot"). Cookies have a slot of their own, so that two values cannot fight over one header.
 */
const NEVER_A_SLOT =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|upgrade|expect|trailer|cookie|range|if-range|accept-encoding|forwarded|via|dpop|proxy-.*|x-forwarded.*|dauth-.*|sec-websocket-.*|x-http-method.*)$/;

export function isNeverASlot(headerName: string): boolean {
  return (
    NEVER_A_SLOT.test(canonicalHeaderName(headerName)) || isMethodOverride(headerName) || isPathOverride(headerName)
  );
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseSlotName(place: 'header' | 'query' | 'cookie' | 'body', value: unknown): string {
  const name = text(value, 'The name of an injection', 128);
  if (place === 'query' || place === 'body') {
    if (!QUERY_NAME.test(name)) refuse('The name of a query or form injection has characters that need encoding.');
    return name;
  }
  if (!TOKEN.test(name)) refuse('The name of a header or cookie injection must be an HTTP token.');
  if (place === 'header' && name !== name.toLowerCase())
    refuse('The name of a header injection is written in lowercase.');
  if (place === 'header' && isNeverASlot(name)) refuse('That header can never be an injection slot.');
  return name;
}
