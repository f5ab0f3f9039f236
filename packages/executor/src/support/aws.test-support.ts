/** AWS Signature Version 4 written apart from the code under test, for an upstream that recomputes what it was sent. */
import { createHash, createHmac } from 'node:crypto';
import type { SignedRequest } from './signing.test-support.ts';

interface Verdict {
  readonly valid: boolean;
  readonly signed: readonly string[];
  readonly payload: string;
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

/** `kDate`, `kRegion`, `kService`, `kSigning`. */
export function deriveAwsKeys(secret: string, day: string, region: string, service: string): readonly Buffer[] {
  const keys: Buffer[] = [];
  for (const part of [day, region, service, 'aws4_request'])
    keys.push(
      createHmac('sha256', keys.at(-1) ?? `AWS4${secret}`)
        .update(part)
        .digest(),
    );
  return keys;
}

/** What a service decides about a request that names no secret: whether it was signed with this one. */
export function verifyAws(request: SignedRequest, secret: string): Verdict {
  const { method, target, headers, body } = request;
  const url = new URL(target, 'https://any.example');
  const get = (name: string): string =>
    headers
      .filter(([other]) => other === name)
      .map(([, v]) => v.trim().replaceAll(/ +/g, ' '))
      .join(',');
  const inQuery = url.searchParams.get('X-Amz-Signature');
  const auth = /Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(get('authorization')) ?? [];
  const credential = url.searchParams.get('X-Amz-Credential') ?? auth[1]!;
  const names = (url.searchParams.get('X-Amz-SignedHeaders') ?? auth[2]!).split(';');
  const signature = inQuery ?? auth[3]!;
  const at = url.searchParams.get('X-Amz-Date') ?? get('x-amz-date');
  const [, day, region, service] = credential.split('/') as [string, string, string, string];
  url.searchParams.delete('X-Amz-Signature');
  const isS3 = service === 's3';
  const path = target.split('?')[0]!;
  const payload = isS3 ? (inQuery === null ? get('x-amz-content-sha256') : 'UNSIGNED-PAYLOAD') : sha256(body);
  const canonical = [
    method,
    path
      .split('/')
      .map((segment) => encode(isS3 ? decodeURIComponent(segment) : segment))
      .join('/'),
    [...url.searchParams]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...names.map((name) => `${name}:${get(name)}`),
    '',
    names.join(';'),
    payload,
  ].join('\n');
  const scope = [day, region, service, 'aws4_request'].join('/');
  const key = deriveAwsKeys(secret, day, region, service).at(-1)!;
  const expected = createHmac('sha256', key)
    .update(['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n'))
    .digest('hex');
  const isWhole =
    ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'].includes(payload) || payload === sha256(body);
  return { valid: expected === signature && isWhole, signed: names, payload };
}

/** What a body of signed pieces holds; null where one is not what was signed. */
export function openPieces(request: SignedRequest, secret: string): Buffer | null {
  const get = (name: string): string => request.headers.find(([other]) => other === name)?.[1] ?? '';
  const [, credential, seed] = /Credential=([^,]+),.*Signature=([0-9a-f]{64})$/.exec(get('authorization')) ?? [];
  const [, day, region, service] = credential!.split('/') as [string, string, string, string];
  const key = deriveAwsKeys(secret, day, region, service).at(-1)!;
  const scope = `${day}/${region}/${service}/aws4_request`;
  const parts: Buffer[] = [];
  let before = seed!;
  for (let at = 0; at < request.body.length;) {
    const line = request.body.toString('latin1', at, request.body.indexOf('\r\n', at));
    const [, size = '', signature] = /^([0-9a-f]+);chunk-signature=([0-9a-f]{64})$/.exec(line) ?? [];
    const start = at + line.length + 2;
    const data = request.body.subarray(start, start + Number.parseInt(size, 16));
    const text = ['AWS4-HMAC-SHA256-PAYLOAD', get('x-amz-date'), scope, before, sha256(''), sha256(data)].join('\n');
    if (createHmac('sha256', key).update(text).digest('hex') !== signature) return null;
    before = signature;
    parts.push(data);
    at = start + data.length + 2;
  }
  const whole = Buffer.concat(parts);
  return parts.at(-1)?.length === 0 && whole.length === Number(get('x-amz-decoded-content-length')) ? whole : null;
}
