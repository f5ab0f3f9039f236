/** A tool that keeps objects in a store: the AWS SDK, unmodified, told to call by a connection's `fetch` and not to sign. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';

/** What the SDK made of it, or the name and status it was refused with. */
export type Kept =
  | {
      readonly listed: readonly string[];
      /** Whether what was got is what was put: whole, streamed and in parts. */
      readonly same: readonly boolean[];
      readonly left: readonly string[];
    }
  | { readonly refused: string; readonly status: number | undefined };

/** What its own signature would be made with: nothing that anybody takes. */
const NOBODY = { accessKeyId: 'placeholder', secretAccessKey: 'placeholder' };
/** The least that a part but the last may have. */
const PART = 5 * 1_048_576;

/** Puts, lists, gets and deletes three objects. */
export async function keepObjects(handleFetch: typeof fetch, endpoint: string, Bucket: string): Promise<Kept> {
  const s3 = new S3Client({
    ...{ endpoint, region: 'eu-west-1', forcePathStyle: true, maxAttempts: 1, credentials: NOBODY },
    // The executor signs what goes upstream, and streams it as it is.
    signer: { sign: async (request) => request },
    ...{ requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' },
    requestHandler: handlerOf(handleFetch),
  } as S3ClientConfig);
  const objects: Readonly<Record<string, Buffer>> = {
    'notes/a b.txt': Buffer.from('kept'),
    streamed: randomBytes(PART + 1),
    'in parts': randomBytes(PART + 1_000),
  };
  const [small = '', streamed = '', parted = ''] = Object.keys(objects);
  const list = async (): Promise<string[]> => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    return Contents.map(({ Key = '' }) => Key);
  };
  try {
    await s3.send(new PutObjectCommand({ Bucket, Key: small, Body: objects[small]! }));
    const pieces = Readable.from([objects[streamed]!.subarray(0, 70_000), objects[streamed]!.subarray(70_000)]);
    const whole = { Body: pieces, ContentLength: objects[streamed]!.length };
    await s3.send(new PutObjectCommand({ Bucket, Key: streamed, ...whole }));
    await putInParts(s3, { Bucket, Key: parted }, objects[parted]!);
    const listed = await list();
    const same: boolean[] = [];
    for (const [Key, put] of Object.entries(objects)) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      same.push(sha256(await Body!.transformToByteArray()) === sha256(put));
    }
    for (const Key of Object.keys(objects)) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    return { listed, same, left: await list() };
  } catch (error) {
    const { name, code, $metadata } = error as { name: string; code?: string; $metadata?: { httpStatusCode?: number } };
    return { refused: code ?? name, status: $metadata?.httpStatusCode };
  }
}

async function putInParts(s3: S3Client, object: { Bucket: string; Key: string }, content: Buffer): Promise<void> {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object));
  const Parts = [];
  for (const [at, Body] of [content.subarray(0, PART), content.subarray(PART)].entries()) {
    const part = { ...object, UploadId, PartNumber: at + 1 };
    const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body }));
    Parts.push({ PartNumber: at + 1, ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }));
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | string;
}

/** The SDK's way to send, over a `fetch`. */
function handlerOf(handleFetch: typeof fetch) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle({ method, protocol, hostname, port, path, query, headers, body }: SdkRequest) {
      const pairs = Object.entries(query).flatMap(([name, values]) =>
        [values ?? ''].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
      );
      const search = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
      const url = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${search}`;
      const said = new Headers(headers);
      // Whoever sends says these, and `fetch` waits for nobody's leave before a body. Objects and parts are signed in pieces where
      // the length is said (docs/signing.md); other bodies are whole.
      for (const name of ['host', 'expect', ...(method === 'PUT' ? [] : ['content-length'])]) said.delete(name);
      const sent = body instanceof Readable ? (Readable.toWeb(body) as never) : (body as string | undefined);
      const hasBody = sent !== undefined && method !== 'GET' && method !== 'HEAD';
      const init: RequestInit = { method, headers: said, ...(hasBody ? { body: sent, duplex: 'half' } : {}) };
      const response = await handleFetch(url, init);
      const answer = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as WebStream);
      const { status: statusCode, statusText: reason } = response;
      return { response: { statusCode, reason, headers: Object.fromEntries(response.headers), body: answer } };
    },
  };
}
