/**
 * Answers that are credentials (§2.8): what a login's policy says is taken out of its answer and into which connection, and what
 * that connection's own policy says of it. Each names the other, so that neither can be led to a third.
 */
import { parsePointer } from './body-slot.ts';
import { refuse, distinct, exactObject, integer, list } from './shape.ts';
import { parseHandle, type ConnectionHandle } from './handle.ts';
import { LIMITS } from './limits.ts';
import type { AllowRule } from './policy.ts';
import { parseFieldName } from './template.ts';

/** Where a value stands in a JSON answer, and which field of the other connection it becomes. */
export interface CapturedValue {
  /** RFC 6901, through members of objects. */
  readonly pointer: string;
  readonly field: string;
}

/** Of a connection whose answers are credentials. */
export interface Capture {
  readonly into: ConnectionHandle;
  readonly fields: readonly CapturedValue[];
}

/** Of a connection whose credential is taken out of another's answers. */
export interface Captured {
  readonly from: ConnectionHandle;
  /** Fields that its owner did not seal: they come with each answer. */
  readonly fields: readonly string[];
  /** Seconds for which what came is used. */
  readonly lifetime: number;
}

/** What a connection that captures has besides. */
interface Login {
  readonly handle: ConnectionHandle;
  readonly allow: readonly AllowRule[];
  /** Whether it is for a database, and whether its answers give headers back that else end in the executor. */
  readonly isDatabase: boolean;
  readonly releases: boolean;
}

/** What a connection that is captured has besides. */
interface Session {
  readonly handle: ConnectionHandle;
  /** What its injections name. */
  readonly injected: ReadonlySet<string>;
  /** Whether it is exchanged for a token, or logs in to a database. */
  readonly isExchanged: boolean;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseCapture(value: unknown, { handle, allow, isDatabase, releases }: Login): Capture {
  const said = exactObject(value, '"capture"', ['into', 'fields']);
  const into = parseHandle(said.into);
  if (into === handle) refuse('"capture" is into another connection than its own.');
  const fields = list(said.fields, '"fields" of "capture"', 1, LIMITS.captures, (item) => {
    const one = exactObject(item, 'A captured value', ['pointer', 'field']);
    return Object.freeze({
      pointer: parsePointer(one.pointer, 'a captured value'),
      field: parseFieldName(one.field),
    });
  });
  distinct(fields, 'the pointers of "capture"', ({ pointer }) => pointer);
  distinct(fields, 'the fields of "capture"', ({ field }) => field);
  if (isDatabase || releases || allow.some(({ websocket }) => websocket === true))
    refuse(
      '"capture" goes with requests whose answer is read whole: no database, no WebSocket, no "response_headers".',
    );
  // An answer of another path than the owner wrote down could be one that somebody else decides.
  if (allow.some(({ paths }) => paths.some((path) => path.split('/').some((segment) => segment.startsWith('*')))))
    refuse('A connection with "capture" allows whole paths only, without "*".');
  if (allow.some(({ graphql, paths }) => graphql !== undefined || paths.some((path) => /\/graphql\/*$/i.test(path))))
    refuse(
      'A connection with "capture" allows no GraphQL, whose caller chooses what an answer has, and under which names.',
    );
  if (allow.some(({ methods }) => methods.includes('HEAD' as never)))
    refuse('A connection with "capture" allows no HEAD, whose answer has no body.');
  return Object.freeze({ into, fields });
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseCaptured(value: unknown, { handle, injected, isExchanged }: Session): Captured {
  const said = exactObject(value, '"captured"', ['from', 'fields', 'lifetime']);
  const from = parseHandle(said.from);
  if (from === handle) refuse('"captured" is from another connection than its own.');
  const fields = distinct(
    list(said.fields, '"fields" of "captured"', 1, LIMITS.captures, parseFieldName),
    'the fields of "captured"',
    String,
  );
  if (!fields.some((field) => injected.has(field))) refuse('No injection names a field that is captured.');
  if (isExchanged)
    refuse('What is captured is put into requests: it is neither exchanged nor a password of a database.');
  return Object.freeze({ from, fields, lifetime: integer(said.lifetime, '"lifetime"', 1, LIMITS.capturedSeconds) });
}
