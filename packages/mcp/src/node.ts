/**
 * Serves a protected handler on plain `node:http`. Headers come from `rawHeaders`: Node itself silently drops a second
 * Authorization header, and a request with two of them must be refused, not half read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';

/**
 * @example
 * createServer(toListener(protect(config).handler(mcpHandler))).listen(3000);
 */
export function toListener(handler: {
  fetch(request: Request): Promise<Response>;
}): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    void answer(handler, req, res).catch(() => res.destroy());
  };
}

async function answer(
  handler: { fetch(request: Request): Promise<Response> },
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const headers = new Headers();
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i]!, req.rawHeaders[i + 1]!);
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD';
  const body = hasBody ? { body: Readable.toWeb(req), duplex: 'half' } : {};
  // Host only completes the URL; nothing is decided by it.
  const url = new URL(req.url ?? '/', 'http://localhost');
  const init = { method: req.method ?? 'GET', headers, signal: gone.signal, ...body };
  const response = await handler.fetch(new Request(url, init as unknown as RequestInit));
  res.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) res.end();
  else
    Readable.fromWeb(response.body as WebStream)
      .on('error', () => res.destroy())
      .pipe(res);
}
