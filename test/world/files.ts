/** A tool that keeps files at Google: Google's own SDK for Drive, unmodified, on a connection's `fetch`, and with no auth of its own. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { drive } from '@googleapis/drive';

/** What the SDK made of it, or what it was refused with. */
export type Filed =
  | {
      readonly account: string;
      readonly listed: readonly string[];
      /** Whether what was got is what was put: whole and streamed. */
      readonly same: readonly boolean[];
      readonly left: readonly string[];
    }
  | { readonly refused: string };

/** Creates, lists, gets and deletes two files. @param rootUrl as the SDK takes one for what is not Google: also with each upload */
export async function keepFiles(handleFetch: typeof fetch, rootUrl: string): Promise<Filed> {
  const google = drive({ version: 'v3', rootUrl, fetchImplementation: handleFetch, retry: false });
  const list = async () => (await google.files.list({ fields: 'files(id,name)', pageSize: 10 })).data.files ?? [];
  const names = async () => (await list()).map(({ name }) => name ?? '').toSorted();
  const contents: Readonly<Record<string, Buffer>> = { 'a b.txt': Buffer.from('kept'), streamed: randomBytes(300_000) };
  const bodies = (content: Buffer) => Readable.from([content.subarray(0, 70_000), content.subarray(70_000)]);
  try {
    const { data } = await google.about.get({ fields: 'user' });
    for (const [name, content] of Object.entries(contents)) {
      const body = name === 'streamed' ? bodies(content) : content.toString();
      const media = { mimeType: 'application/octet-stream', body };
      await google.files.create({ requestBody: { name }, media }, { rootUrl });
    }
    const listed = await names();
    const same: boolean[] = [];
    for (const { id, name } of await list()) {
      const fileId = id ?? '';
      const got = await google.files.get({ fileId, alt: 'media' }, { responseType: 'arraybuffer' });
      same.push(Buffer.from(got.data as unknown as ArrayBuffer).equals(contents[name ?? '']!));
      await google.files.delete({ fileId });
    }
    return { account: data.user?.emailAddress ?? '', listed, same, left: await names() };
  } catch (error) {
    const { cause, message } = error as { cause?: { code?: string }; message: string };
    return { refused: cause?.code ?? message };
  }
}
