/**
 * One bounded GET of a JSON document: status 200, no redirects, size and time limited while it is read; and the bounded
 * reading alone, for other requests.
 * Never trusts a length that was announced, and never follows an answer elsewhere.
 */

/** The part of `fetch` that is used. */
export type FetchLike = (
  url: string,
  init: { readonly redirect: 'error'; readonly signal: AbortSignal; readonly headers: Record<string, string> },
) => Promise<Response>;

/**
 * Fetches a document as text.
 * @throws Error for anything but a whole 200 answer of a JSON type within the bounds
 */
export async function fetchJson(
  fetch: FetchLike,
  url: string,
  bounds: { readonly maxOctets: number; readonly timeoutMs: number },
): Promise<string> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('took too long'));
      controller.abort();
    }, bounds.timeoutMs);
  });
  try {
    // Raced, not only aborted: a fetch that overlooks its signal must not hold every caller.
    return await Promise.race([read(fetch, url, bounds.maxOctets, controller.signal), tooLate]);
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

async function read(fetch: FetchLike, url: string, maxOctets: number, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal, headers: { accept: 'application/json' } });
  // `redirected` catches a fetch that does not know `redirect: 'error'`.
  if (response.status !== 200 || response.redirected) throw new Error('answered with another status than 200');
  if (!/^application\/(?:[a-z0-9.-]+\+)?json\s*(?:;|$)/i.test(response.headers.get('content-type') ?? ''))
    throw new Error('is not JSON');
  if (response.body === null) throw new Error('has no body');
  return readText(response, maxOctets);
}

/**
 * The body of an answer as text, strict UTF-8, read no further than `maxOctets`.
 * @throws Error where it is larger, breaks off or is not UTF-8
 */
export async function readText(response: Response, maxOctets: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    octets += chunk.length;
    if (octets > maxOctets) throw new Error('is too large');
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}
