/** The world outside as tests play it: pages at URLs, and what was asked for. */
import type { Answer, Dial } from '../outside/dial.ts';

/** What stands at a URL; a test changes it. Nothing there is a 404. */
export interface Page {
  readonly body: unknown;
  readonly status?: number;
  readonly type?: string;
  readonly cache?: string;
}

export interface Web {
  readonly pages: Map<string, Page>;
  readonly asked: string[];
  readonly dial: Dial;
}

export function web(pages: Readonly<Record<string, Page>>): Web {
  const at = new Map(Object.entries(pages));
  const asked: string[] = [];
  const dial: Dial = (url) => {
    asked.push(url.href);
    const { body, status = 200, type = 'application/json', cache } = at.get(url.href) ?? { body: {}, status: 404 };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer: Answer = {
      ...{ status, contentType: type, contentEncoding: undefined, cacheControl: cache },
      body: (async function* () {
        yield Buffer.from(text);
      })(),
    };
    return Promise.resolve(answer);
  };
  return { pages: at, asked, dial };
}
