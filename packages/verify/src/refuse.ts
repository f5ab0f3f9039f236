/**
 * How this package says no: one code chosen by the caller, one sentence written here.
 * Never repeats a value that was sent, and never lets a codec's own code (413, 400) stand in for "not authenticated".
 */
import { DAuthError, type ErrorCode } from '@dauth/protocol';

/** What is being checked, for the sentence, and the code a refusal of it carries. */
export interface Subject {
  /** As a sentence begins: `The DPoP proof`. */
  readonly what: string;
  readonly refusal: ErrorCode;
}

/** Refuses with `<what> <why>`. */
export function refuseSubject(subject: Subject, why: string, cause?: unknown): never {
  throw new DAuthError(subject.refusal, `${subject.what} ${why}`, cause === undefined ? undefined : { cause });
}

/** Runs a parser of `@dauth/protocol` and gives its refusal the subject's code; our own defects stay what they are. */
export function parsing<T>(subject: Subject, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    return refuseSubject(subject, `is not well-formed. ${error.publicMessage}`, error);
  }
}
