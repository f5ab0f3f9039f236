/**
 * `--capture` of `dauth connect`: what is taken out of a login's answers, and the whole policy of the connection that it becomes.
 * Stated once with the login, so that the two are sealed for each other.
 */
import {
  exactObject,
  integer,
  LIMITS,
  list,
  parseAllow,
  parseConnectionName,
  parseEchoes,
  parseFieldName,
  parseInjections,
  parseResponseHeaders,
  text,
  type AllowRule,
  type CapturedValue,
  type Echoes,
  type Injection,
} from '@dauth/protocol';
import type { SealPolicy } from '@dauth/client';

export interface StatedCapture {
  readonly connection: string;
  readonly values: readonly CapturedValue[];
  readonly allow: readonly AllowRule[];
  readonly inject: readonly Injection[];
  readonly lifetime: number;
  readonly responseHeaders?: readonly string[];
  readonly echoes?: Echoes;
}

/** Seconds, where nobody says otherwise. */
const LIFETIME = 3_600;
const OPTIONAL = ['inject', 'lifetime', 'response_headers', 'echoes'];

/** @throws DAuthError `INVALID_REQUEST` */
export function parseStatedCapture(value: unknown): StatedCapture {
  const said = exactObject(value, 'It', ['connection', 'fields', 'allow'], OPTIONAL);
  const values = list(said.fields, '"fields"', 1, LIMITS.captures, (item) => {
    const { pointer, field } = exactObject(item, 'A field', ['pointer', 'field']);
    return { pointer: text(pointer, '"pointer"', 256), field: parseFieldName(field) };
  });
  const bearer = [{ in: 'header', name: 'authorization', value: `Bearer {${values[0]!.field}}` }];
  const allow = parseAllow(said.allow);
  return {
    ...{ connection: parseConnectionName(said.connection), values, allow },
    inject: parseInjections(said.inject ?? bearer),
    lifetime: integer(said.lifetime ?? LIFETIME, '"lifetime"', 1, LIMITS.capturedSeconds),
    ...(said.response_headers === undefined ? {} : { responseHeaders: parseResponseHeaders(said.response_headers) }),
    ...(said.echoes === undefined ? {} : { echoes: parseEchoes(said.echoes, { allow, isDatabase: false }) }),
  };
}

/** As the login's policy, of servers, keys and time; what it may be sent to is its own. */
export function sessionPolicy(login: SealPolicy, stated: StatedCapture): SealPolicy {
  const { issuer, org, owner, servers, pin, bearer, expiresAt } = login;
  const { connection, allow, inject, responseHeaders, echoes } = stated;
  return {
    ...{ issuer, owner, servers, expiresAt, connection, allow, inject },
    ...(org === undefined ? {} : { org }),
    ...(pin === undefined ? {} : { pin }),
    ...(bearer === undefined ? {} : { bearer }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
    ...(echoes === undefined ? {} : { echoes }),
  };
}
