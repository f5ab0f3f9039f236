/** The executor alone, as it is started where there is no authority yet: that does not keep it from listening. */
import { fileURLToPath } from 'node:url';
import { freePort, type StartOptions } from '#test/support/process.js';

const LAUNCH = fileURLToPath(new URL('../../../packages/executor/dist/launch.js', import.meta.url));

export async function executorIn(data: string): Promise<{ readonly options: StartOptions; readonly port: number }> {
  const port = await freePort();
  const config = {
    listen: { host: '127.0.0.1', port },
    ...{ resource: `http://127.0.0.1:${port}`, issuer: 'http://127.0.0.1:1', data, upstream: {} },
  };
  const env = { DAUTH_RESOLVED_CONFIG: JSON.stringify(config) };
  return { options: { file: process.execPath, args: [LAUNCH], env }, port };
}
