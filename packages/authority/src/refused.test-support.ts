/** Refusals, asserted whole: status, code, sentence and request id, in the document of their kind. */
import assert from 'node:assert/strict';

/** Asserts a problem document: status, code, sentence, request id, content type. */
export async function assertProblem(
  response: Response,
  status: number,
  code: string,
  sentence?: RegExp | string,
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const body = JSON.parse(text) as { code: string; detail: string; request_id: string; status: number };
  assert.equal(body.code, code, text);
  assert.equal(body.status, status);
  assert.ok(body.request_id.length >= 16);
  assert.equal(response.headers.get('dauth-request-id'), body.request_id);
  assertSentence(body.detail, sentence);
}

/** Asserts an OAuth error (RFC 6749 §5.2). */
export async function assertOAuth(
  response: Response,
  status: number,
  error: string,
  sentence?: RegExp | string,
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  const body = JSON.parse(text) as { error: string; error_description: string; request_id: string };
  assert.equal(body.error, error, text);
  assert.equal(response.headers.get('dauth-request-id'), body.request_id);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assertSentence(body.error_description, sentence);
}

/** A string is the whole sentence; a pattern is a part of it. */
function assertSentence(said: string, wanted: RegExp | string | undefined): void {
  if (typeof wanted === 'string') assert.equal(said, wanted);
  else if (wanted !== undefined) assert.match(said, wanted);
}
