/**
 * Whether this authority lives and is ready, said the same way on both listeners; `dauth start` and load balancers ask.
 * Never why in more words than a code and its sentence.
 */
import type { Hono } from 'hono';
import type { Authority } from './context.ts';
import type { HttpEnv } from './http.ts';

export const VERSION = { name: '@dauth/authority', version: '0.1.0' } as const;

export function health(app: Hono<HttpEnv>, directory: Pick<Authority['directory'], 'directory'>): void {
  app.get('/livez', (c) => c.text('ok'));
  app.get('/readyz', async (c) => {
    await directory.directory();
    return c.text('ok');
  });
}
