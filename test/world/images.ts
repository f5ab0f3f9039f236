/** A tool that keeps images in a registry, by the distribution API, through a connection's `fetch`. */
import { createHash, randomBytes } from 'node:crypto';

/** What it pulled again, or the status it was refused with. */
export type Pushed =
  | { readonly tags: readonly string[]; readonly same: boolean; readonly type: string | null }
  | { readonly refused: number };

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

class Refused extends Error {
  readonly status: number;

  constructor(status: number) {
    super();
    this.status = status;
  }
}

/** Pushes an image of one layer, whose octets go up in pieces, and pulls it again. */
export async function pushImage(handleFetch: typeof fetch, name: string): Promise<Pushed> {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await handleFetch(path, init);
    if (!response.ok) throw new Refused(response.status);
    return response;
  };
  /** @returns the blob as a manifest names it */
  const upload = async (mediaType: string, octets: Buffer): Promise<object> => {
    const digest = digestOf(octets);
    const pieces = [octets.subarray(0, 100_000), octets.subarray(100_000)].filter(({ length }) => length > 0);
    let place = placeOf(await ask(`/v2/${name}/blobs/uploads/`, { method: 'POST' }));
    for (const body of pieces) place = placeOf(await ask(place, { method: 'PATCH', body: new Uint8Array(body) }));
    await ask(`${place}&digest=${encodeURIComponent(digest)}`, { method: 'PUT' });
    return { mediaType, digest, size: octets.length };
  };
  try {
    const layer = randomBytes(300_000);
    const config = await upload('application/vnd.oci.image.config.v1+json', Buffer.from('{}'));
    const layers = [await upload(LAYER, layer)];
    const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers });
    await ask(`/v2/${name}/manifests/latest`, { method: 'PUT', body, headers: { 'content-type': MANIFEST } });
    const { tags } = (await (await ask(`/v2/${name}/tags/list`)).json()) as { tags: string[] };
    const pulled = await ask(`/v2/${name}/manifests/latest`, { headers: { accept: MANIFEST } });
    const got = await (await ask(`/v2/${name}/blobs/${digestOf(layer)}`)).arrayBuffer();
    return { tags, same: Buffer.from(got).equals(layer), type: pulled.headers.get('content-type') };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.status };
    throw error;
  }
}

/** Where an upload goes on: on the same registry, as a path. */
function placeOf({ headers }: Response): string {
  const { pathname, search } = new URL(headers.get('location')!);
  return pathname + search;
}

function digestOf(octets: Buffer): string {
  return `sha256:${createHash('sha256').update(octets).digest('hex')}`;
}
