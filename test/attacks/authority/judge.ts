/** Reads an answer as the battery compares it, and holds the authority's to all that is asked of every answer. */
import assert from 'node:assert/strict';
import { CANARY, type Answer, type Entry } from './entry.ts';
import type { Got } from './request.ts';
import { REDIRECT } from './side.ts';

/** Status and `error`, wherever the answer says it. */
export function answerOf({ status, headers, text }: Got): Answer {
  const { location } = headers;
  if (location !== undefined) {
    const { searchParams, hash } = new URL(location, REDIRECT);
    const error = searchParams.get('error') ?? new URLSearchParams(hash.slice(1)).get('error');
    return [status, error ?? 'led on'];
  }
  if (headers['content-type']?.startsWith('text/html') === true) return [status, 'page'];
  if (text === '') return [status, 'gone'];
  if (!text.startsWith('{')) return [status, 'text'];
  const body = JSON.parse(text) as Record<string, unknown>;
  const said = body.error ?? body.code;
  return [status, typeof said === 'string' ? said : body.active === false ? 'inactive' : 'given'];
}

/** No entry may lead anywhere but back to the app, cache anything, or hear its own words. */
export function assertOurs(entry: Entry, got: Got, issuer: string): void {
  const { status, headers, text, sent } = got;
  assert.ok(status < 500, text);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(String(headers['dauth-request-id']), /^[0-9a-f-]{36}$/);
  const { location, ...others } = headers;
  assert.equal(location !== undefined, status === 303);
  if (location !== undefined) assertBack(entry, location, issuer);
  for (const said of [text, ...Object.values(others).map(String), location?.replace(/&state=[^&]*/, '') ?? '']) {
    assert.ok(!said.includes(CANARY), `what was sent comes back: ${said}`);
    assert.ok(!/\bat .*:\d+:\d+|node:internal|\.js\b/.test(said), `a stack comes back: ${said}`);
    for (const value of sent) assert.ok(!said.includes(value), `"${value}" comes back: ${said}`);
  }
  const type = status === 303 || text === '' ? undefined : entry.to === 'authorize' ? 'text/html' : 'application/json';
  for (const name of ['www-authenticate', 'dpop-nonce', 'allow', 'set-cookie', 'access-control-allow-origin'])
    assertHeader(headers[name], entry.headers?.[name], name);
  if (type !== undefined && entry.headers?.['content-type'] === undefined)
    assert.equal(headers['content-type']?.split(';')[0], type);
}

function assertHeader(value: string | readonly string[] | undefined, wanted: string | true | undefined, name: string) {
  if (wanted === true) assert.ok(value !== undefined, `${name} is there`);
  else assert.equal(value, wanted, name);
}

/** To the registered address, with its query, our issuer (RFC 9207 §2) and the app's state, where that could be read. */
function assertBack({ change }: Entry, location: string, issuer: string): void {
  assert.ok(location.startsWith(`${REDIRECT}&error=`), location);
  const { searchParams } = new URL(location);
  assert.deepEqual(searchParams.getAll('iss'), [issuer]);
  assert.deepEqual(searchParams.getAll('state'), change.form?.state === undefined ? ['the state of the app'] : []);
  assert.match(searchParams.get('error_description') ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
}
