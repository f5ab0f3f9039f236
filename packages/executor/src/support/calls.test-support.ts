/** Calls for tests: a plaintext from fields, a call with defaults, an answer read to its end. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { DAuthError, type Injection } from '@dauth/protocol';
import type { Fillable } from '../secret/inject.ts';
import { ownedBytes } from '../secret/memory.ts';
import { Plaintext } from '../secret/plaintext.ts';
import { type UpstreamRequest } from '../wire/call.ts';
import { createUpstream, type Upstream, type UpstreamLimits, type UpstreamOptions } from '../wire/upstream.ts';

export const HANDLE = 'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab' as UpstreamRequest['connection']['handle'];
export const BEARER: readonly Injection[] = [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }];

/** The layout of protocol.md §2, padded. */
export function layOut(fields: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const bytes = Buffer.from(value as string);
    parts.push(Buffer.of(name.length), Buffer.from(name), Buffer.of(bytes.length >> 8, bytes.length & 255), bytes);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const padded = ownedBytes(Math.ceil(length / 64) * 64);
  Buffer.concat(parts).copy(padded);
  return padded;
}

/** @param keeping the octet that the key for kept tokens is made of: another one is that of another envelope */
export function plaintextOf(fields: Readonly<Record<string, string | Uint8Array>>, keeping = 7): Plaintext {
  return new Plaintext(layOut(fields), ownedBytes(32).fill(keeping));
}

export function upstreamFor(
  ca: string,
  options: Partial<UpstreamOptions> & { limits?: Partial<UpstreamLimits> } = {},
): Upstream {
  return createUpstream({ ca: [ca], dangerouslyAllowLoopback: true, nowMs: Date.now, ...options });
}

/** A request before its slots are filled, right but for what is given. */
export function fillable(target = '/', request: Partial<Fillable> = {}): Fillable {
  const empty = { headers: [], host: 'api.example', isTls: true, body: new Uint8Array(0) };
  return { method: 'GET', target, ...empty, atMs: 1_795_000_000_000, random: randomUUID, ...request };
}

export type CallOptions = Partial<UpstreamRequest> & { fields?: Readonly<Record<string, string | Uint8Array>> };

export interface ReadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly length: number | null;
  readonly outcome: { readonly error: string | null; readonly redactions: number; readonly bytes: number };
}

/** Makes one call and reads its answer to the end. */
export async function callAndRead(upstream: Upstream, origin: string, options: CallOptions = {}): Promise<ReadAnswer> {
  const { fields = { token: 'sk_test_secret_value_0001' }, ...request } = options;
  const answer = await upstream.call({
    connection: { handle: HANDLE, ver: 1 },
    address: await upstream.check(origin as never),
    method: 'GET' as never,
    target: '/',
    headers: [],
    body: null,
    injections: BEARER,
    open: () => plaintextOf(fields),
    beforeSend: () => undefined,
    ...request,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) chunks.push(chunk as Buffer);
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: Buffer.concat(chunks),
    length: answer.length,
    outcome: await answer.finished,
  };
}

/** What a call was refused with. */
export async function refusalOf(call: Promise<unknown>): Promise<DAuthError> {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (refused: unknown) => refused,
  );
  assert.ok(error instanceof DAuthError, String(error));
  return error;
}
