/**
 * Method overrides in bodies (`_method`), found while the body streams by. An upstream that heeds one would act by another
 * method than the one the owner allowed, so the request ends before its last octet is sent.
 * Never buffers a body, and never guesses: a type that can carry fields but hides them from us is refused.
 */
import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { canonicalHeaderName, DAuthError } from '@dauth/protocol';
import { JsonNames, MultipartNames, UrlencodedNames, type Names } from './override-names.ts';

type Headers = readonly (readonly [name: string, value: string])[];

/**
 * Before anything is opened: a body whose fields could be read by a server but not by us.
 * @throws DAuthError `POLICY_DENIED`
 */
export function assertReadableType(headers: Headers): void {
  const types = valuesOf(headers, 'content-type');
  if (types.length > 1) throw new DAuthError('POLICY_DENIED', 'The request has more than one content type.');
  if (readersFor(headers).length === 0) return;
  const isEncoded = valuesOf(headers, 'content-encoding').some((coding) => !/^\s*(?:identity)?\s*$/i.test(coding));
  // Django reads an extended parameter too (RFC 2231 §4).
  const charsets = [...(types[0] ?? '').matchAll(/charset[*\d]*\s*=\s*"?([^\s;"]*)/gi)].map(([, charset]) => charset!);
  if (isEncoded || charsets.some((charset) => !/^(?:utf-?8|us-ascii)$/i.test(charset))) {
    throw new DAuthError(
      'POLICY_DENIED',
      'A form or JSON body, or one without a content type, is sent in UTF-8 and without a content encoding.',
    );
  }
}

/**
 * The body itself, or the body behind a watch where its type can carry fields. Made when somebody is about to read it: a
 * watch reads at once, whoever sent the body.
 */
export function watchForOverride(body: Readable, headers: Headers): Readable {
  const readers = readersFor(headers);
  return readers.length === 0 ? body : watched(body, readers);
}

/** @throws DAuthError `POLICY_DENIED` where a whole body has an override field */
export function assertNoOverrideField(body: Uint8Array, headers: Headers): void {
  const octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (readersFor(headers).some((reader) => reader.takes(octets) || reader.ends())) throw denied();
}

/** A body without a type is a form to Rack and others, and may be JSON to some. */
function readersFor(headers: Headers): readonly Names[] {
  const type = valuesOf(headers, 'content-type')[0]?.trim().toLowerCase() ?? '';
  if (type === '') return [new UrlencodedNames(), new JsonNames(false)];
  const readers: Names[] = [];
  if (type.includes('urlencoded')) readers.push(new UrlencodedNames());
  if (type.includes('multipart')) readers.push(new MultipartNames());
  if (type.includes('json')) readers.push(new JsonNames(true));
  return readers;
}

function valuesOf(headers: Headers, name: string): string[] {
  return headers.flatMap(([other, value]) => (canonicalHeaderName(other) === name ? [value] : []));
}

function watched(body: Readable, readers: readonly Names[]): Readable {
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      if (readers.some((reader) => reader.takes(chunk))) done(denied());
      else done(null, chunk);
    },
    flush(done: TransformCallback) {
      done(readers.some((reader) => reader.ends()) ? denied() : null);
    },
  });
  // Whoever reads it hears of it too; but a body may fail while nobody does yet, and that must not end the process.
  watch.on('error', () => undefined);
  const cutOff = (): void => {
    if (!body.readableEnded) watch.destroy(new DAuthError('BAD_REQUEST', 'The body ended before it was whole.'));
  };
  body.once('error', (error) => watch.destroy(error));
  body.once('close', cutOff);
  if (body.destroyed) cutOff();
  return body.pipe(watch);
}

function denied(): DAuthError {
  return new DAuthError('POLICY_DENIED', 'Method overrides are not passed on; send the request with its real method.');
}
