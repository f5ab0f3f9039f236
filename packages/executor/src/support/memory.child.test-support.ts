/** The process whose memory is looked at: opens sealed envelopes and calls upstreams as told; knows no credential. */
import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { Readable } from 'node:stream';
import { parseEnvelope, type SuiteAlg } from '@dauth/protocol';
import { settleBody } from '../body.ts';
import type { DispatchRequest } from '../dispatch.ts';
import { openEnvelope, type OpeningKey } from '../open.ts';
import type { UpstreamRequest } from '../wire/call.ts';
import { createUpstream, type Upstream } from '../wire/upstream.ts';

export interface CallOrder {
  readonly origin: string;
  readonly envelope: string;
  readonly method: string;
  readonly target: string;
  readonly body?: string;
  readonly stream?: boolean;
  /** Default `text/plain`. */
  readonly type?: string;
  readonly ver: number;
}

export type Order =
  | {
      readonly kind: 'setup';
      readonly ca: string;
      readonly key: JsonWebKey;
      readonly kid: string;
      readonly alg: SuiteAlg;
      readonly publicRaw: string;
    }
  | { readonly kind: 'calls'; readonly calls: readonly CallOrder[]; readonly parallel: number }
  | { readonly kind: 'plant'; readonly hex: string }
  | { readonly kind: 'ping' };

let upstream: Upstream;
let key: OpeningKey;
const planted: Buffer[] = [];

async function one(order: CallOrder): Promise<number> {
  const envelope = parseEnvelope(order.envelope);
  const body =
    order.body === undefined
      ? null
      : order.stream
        ? Readable.from([order.body.slice(0, 1), order.body.slice(1)].map((b) => Buffer.from(b)))
        : Buffer.from(order.body);
  const { handle, inject } = envelope.header.dauth;
  const headers = [['content-type', order.type ?? 'text/plain']] as const;
  const method = order.method as UpstreamRequest['method'];
  const to = {
    origin: order.origin as never,
    method,
    path: order.target.split('?')[0]!,
    target: order.target,
    headers,
  };
  const settled = await settleBody({ body } as DispatchRequest, inject, to);
  const answer = await upstream.call({
    connection: { handle, ver: order.ver },
    address: await upstream.check(order.origin as never),
    method,
    target: order.target,
    headers,
    body: settled.body,
    ...(settled.slotted === undefined ? {} : { slotted: settled.slotted }),
    injections: inject,
    open: () => openEnvelope(envelope, key),
    beforeSend: () => undefined,
  });
  for await (const chunk of answer.body) void chunk;
  return (await answer.finished).redactions;
}

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'setup':
      upstream = createUpstream({ ca: [order.ca], dangerouslyAllowLoopback: true, nowMs: Date.now });
      key = {
        kid: order.kid,
        alg: order.alg,
        privateKey: createPrivateKey({ key: order.key, format: 'jwk' }),
        publicRaw: Buffer.from(order.publicRaw, 'hex'),
      };
      return null;
    case 'calls': {
      const queue = [...order.calls];
      let redactions = 0;
      const worker = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) redactions += await one(next);
      };
      await Promise.all(Array.from({ length: order.parallel }, worker));
      return redactions;
    }
    case 'plant':
      planted.push(Buffer.from(order.hex, 'hex'));
      return planted.length;
    case 'ping':
      return null;
  }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (done) => process.send!({ done }),
    (error: Error) => process.send!({ failed: String(error.stack) }),
  );
});
