/** The real API of `--upstream`, where there is one: its address, its token, and who vouches for its certificate. */
import { spawnSync } from 'node:child_process';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';

export const HELP = `npm run demo [-- --upstream URL [--upstream-ca FILE]]

  --upstream URL       send the calls to this GitHub API (https://api.github.com) instead
                       of the emulated one; its token comes from the variable
                       DAUTH_DEMO_TOKEN, or is asked for (not shown). Nothing is written:
                       the calls read who the token belongs to
  --upstream-ca FILE   trust this PEM file for it, besides the usual authorities
`;

export interface Real {
  /** API base without a trailing slash; may have a path. */
  readonly url: string;
  readonly token: string;
  /** PEM files. */
  readonly ca: readonly string[];
}

/** @throws Error with a sentence for whoever typed the command */
export async function readReal(url: string | undefined, ca: string | undefined): Promise<Real | undefined> {
  if (url === undefined) {
    if (ca !== undefined) throw new Error('--upstream-ca needs --upstream.');
    return undefined;
  }
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new Error('--upstream takes an https address, as in https://api.github.com.');
  if (ca !== undefined)
    await access(ca).catch(() => {
      throw new Error('The file of --upstream-ca cannot be read.');
    });
  const token = process.env.DAUTH_DEMO_TOKEN ?? (await askToken());
  // What started this process reads its environment; from here on it is in one place only.
  delete process.env.DAUTH_DEMO_TOKEN;
  if (token.length < 8) throw new Error('That is too short to be a token.');
  return { url: url.replace(/\/+$/, ''), token, ca: ca === undefined ? [] : [resolve(ca)] };
}

export function isLoopback(url: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
}

async function askToken(): Promise<string> {
  if (!process.stdin.isTTY)
    throw new Error('The token for --upstream is missing: set DAUTH_DEMO_TOKEN, or run this in a terminal.');
  process.stdout.write('Token (not shown): ');
  spawnSync('stty', ['-echo'], { stdio: 'inherit' });
  const typed = await new Promise<Buffer>((done) => process.stdin.once('data', done));
  spawnSync('stty', ['echo'], { stdio: 'inherit' });
  process.stdin.pause();
  process.stdout.write('\n');
  return typed.toString('utf8').trim();
}
