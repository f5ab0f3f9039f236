/**
 * Method-override fields in form bodies (`_method`), found while the body streams by. An upstream that heeds one would act
 * by another method than the one the owner allowed, so the request ends before its last octet is sent.
 * Never buffers more than the start of one field name.
 */
import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { DAuthError } from '@dauth/protocol';
import { isOverrideField } from './target.ts';

/** Longer names are no override in any spelling. */
const MAX_NAME = 64;

type Headers = readonly (readonly [name: string, value: string])[];

/** The body itself, or the body behind a watch where its type can carry form fields. */
export function watchForOverride(body: Readable, headers: Headers): Readable {
  const names = namesFor(headers);
  return names === undefined ? body : watched(body, names);
}

/** @throws DAuthError `POLICY_DENIED` where a whole body has an override field */
export function assertNoOverrideField(body: Uint8Array, headers: Headers): void {
  const names = namesFor(headers);
  if (names?.takes(Buffer.from(body)) || names?.ends()) throw denied();
}

function namesFor(headers: Headers): Names | undefined {
  const type =
    headers
      .find(([name]) => name === 'content-type')?.[1]
      .trim()
      .toLowerCase() ?? '';
  if (type.startsWith('application/x-www-form-urlencoded')) return new UrlencodedNames();
  return type.startsWith('multipart/') ? new MultipartNames() : undefined;
}

interface Names {
  /** True where an override field begins in what was seen so far. */
  takes(chunk: Buffer): boolean;
  ends(): boolean;
}

function watched(body: Readable, names: Names): Readable {
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      if (names.takes(chunk)) done(denied());
      else done(null, chunk);
    },
    flush(done: TransformCallback) {
      done(names.ends() ? denied() : null);
    },
  });
  body.once('error', (error) => watch.destroy(error));
  body.once('close', () => {
    if (!body.readableEnded) watch.destroy(new DAuthError('BAD_REQUEST', 'The body ended before it was whole.'));
  });
  return body.pipe(watch);
}

class UrlencodedNames implements Names {
  #name: string | undefined = '';

  takes(chunk: Buffer): boolean {
    for (const octet of chunk) {
      const isBreak = octet === 0x26 || octet === 0x3b;
      if ((isBreak || octet === 0x3d) && this.ends()) return true;
      if (isBreak) this.#name = '';
      else if (octet === 0x3d || (this.#name?.length ?? 0) >= MAX_NAME) this.#name = undefined;
      else if (this.#name !== undefined) this.#name += String.fromCharCode(octet);
    }
    return false;
  }

  ends(): boolean {
    return this.#name !== undefined && isOverrideField(this.#name);
  }
}

/** Looks for the parameter anywhere: a part's own text that spells it out is refused too, which loses little. */
class MultipartNames implements Names {
  #tail = '';

  takes(chunk: Buffer): boolean {
    const text = this.#tail + chunk.toString('latin1');
    this.#tail = text.slice(-MAX_NAME);
    return /\bname\*?\s*=\s*(?:[\w-]*''|"?)\s*(?:_|%5f)method\b/i.test(text);
  }

  ends(): boolean {
    return false;
  }
}

function denied(): DAuthError {
  return new DAuthError('POLICY_DENIED', 'Method overrides are not passed on; send the request with its real method.');
}
