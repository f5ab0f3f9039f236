/** A login whose answer is a credential, told in every way that one is captured, or is not. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parseInjections } from '@dauth/protocol';
import { pad } from './echo.test-support.ts';
import type { Beside, Use } from './memory.test-support.ts';

export interface CapturedLogin {
  readonly beside: Beside;
  /** Logs in and has the answer captured. */
  readonly use: Use;
}

const capture = [
  { pointer: '/auth/token', field: 'captured' },
  { pointer: '/auth/refresh', field: 'more' },
];
const CALLS = ['', '?split', '?gzip', '?again', '?head', '?no'].map((how) => ({
  ...{ method: 'POST', target: `/login${how}`, body: '{"a":1}', type: 'application/json', capture },
}));

export function capturedLogin(): CapturedLogin {
  const tokens = ['st_', 'rt_'].map((prefix) => Buffer.from(`${prefix}${randomBytes(24).toString('hex')}`));
  const [token, refresh] = tokens.map(String) as [string, string];
  let given = 0;
  return {
    beside(request, response) {
      const [path, how] = (request.url ?? '').split('?');
      if (path !== '/login') return false;
      given++;
      const text = JSON.stringify({ pad: pad(400), auth: { token, refresh }, again: how === 'again' ? token : 'no' });
      request.resume().on('end', () => {
        response.setHeader('content-type', 'application/json');
        if (how === 'no') response.statusCode = 401;
        if (how === 'head') response.setHeader('x-token', token);
        if (how === 'gzip') {
          response.setHeader('content-encoding', 'gzip');
          return response.end(gzipSync(text));
        }
        if (how !== 'split') return response.end(text);
        response.write(text.slice(0, 450));
        setTimeout(() => response.end(text.slice(450)), 2);
      });
      return true;
    },
    use: {
      inject: parseInjections([{ in: 'body', pointer: '/pass', value: '{token}' }]),
      calls: CALLS,
      look: {
        made: () => ({ 'a captured token': tokens[0]!, 'another captured token': tokens[1]! }),
        allow: [{ origin: 'https://api.example', methods: ['POST'], paths: ['/login'] }],
        count: () => given,
      },
    },
  };
}
