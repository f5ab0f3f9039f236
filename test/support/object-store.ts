/**
 * An object store that takes a request with the right signature only: s3rver, which lets most in, behind a front that computes
 * each signature again by AWS's own signer and compares each body with what was signed. For tests only.
 */
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SignatureV4 } from '@smithy/signature-v4';
import S3rver from 's3rver';
import type { Leaf } from './ca.ts';

export interface ObjectStore extends AsyncDisposable {
  readonly origin: string;
  /** What came: how its payload was signed, and whether it was let in. */
  readonly came: {
    readonly method: string;
    readonly target: string;
    readonly payload: string;
    readonly isTaken: boolean;
  }[];
}

export interface StoreOptions {
  readonly leaf: Leaf;
  readonly dir: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

const UNSIGNED = 'UNSIGNED-PAYLOAD';
const DENIED = '<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>';

export async function startObjectStore(options: StoreOptions): Promise<ObjectStore> {
  const { leaf, dir, bucket } = options;
  const buckets = [{ name: bucket, configs: [] }];
  const store = new S3rver({ directory: dir, port: 0, address: '127.0.0.1', silent: true, configureBuckets: buckets });
  const { port: inner } = await store.run();
  const came: ObjectStore['came'] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const payload = String(request.headers['x-amz-content-sha256']);
    const isTaken = await isSigned(request, body, options);
    came.push({ method: request.method!, target: request.url!, payload, isTaken });
    if (!isTaken) return void response.writeHead(403, { 'content-type': 'application/xml' }).end(DENIED);
    pass(request, body, inner, response);
  };
  const server = createServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    came,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await store.close();
    },
  };
}

async function isSigned(request: IncomingMessage, body: Buffer, options: StoreOptions): Promise<boolean> {
  const { headers, method = '', url = '' } = request;
  const { accessKeyId, secretAccessKey, region } = options;
  const [, key, signed, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\S+, ?SignedHeaders=(\S+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const payload = headers['x-amz-content-sha256'];
  if (key !== accessKeyId || signed === undefined || typeof payload !== 'string') return false;
  if (payload !== UNSIGNED && payload !== createHash('sha256').update(body).digest('hex')) return false;
  const names = signed.split(';');
  if (!names.includes('host') || !names.includes('x-amz-content-sha256') || !names.includes('x-amz-date')) return false;
  const target = new URL(url, 'https://localhost');
  const credentials = { accessKeyId, secretAccessKey };
  const settings = { uriEscapePath: false, applyChecksum: false };
  const signer = new SignatureV4({ credentials, region, service: 's3', sha256: Sha256, ...settings });
  const [date = ''] = [headers['x-amz-date']].flat();
  const again = await signer.sign(
    {
      ...{ method, protocol: 'https:', hostname: 'localhost', path: target.pathname },
      query: Object.fromEntries(target.searchParams),
      headers: Object.fromEntries(names.map((name) => [name, [headers[name]].flat().join(',')])),
    },
    {
      signingDate: new Date(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')),
      signableHeaders: new Set(names),
    },
  );
  return again.headers.authorization?.endsWith(`Signature=${signature}`) === true;
}

/** To the store itself, without what it would look at once more. */
function pass(request: IncomingMessage, body: Buffer, port: number, response: ServerResponse): void {
  const { authorization: _, 'transfer-encoding': __, ...rest } = request.headers;
  const headers = { ...rest, 'content-length': String(body.length) };
  const forwarded = ask({ host: '127.0.0.1', port, method: request.method, path: request.url, headers }, (inner) => {
    response.writeHead(inner.statusCode!, inner.headers);
    inner.pipe(response);
  });
  forwarded.on('error', () => response.destroy()).end(body);
}
