/**
 * The data directory: its files, their modes, and which stack holds it. Keys here are the operator's, never a credential.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exportPrivateKey, generateKey, importKey, type ClientKey, type SeqStore } from '@dauth/client';
import { isObject } from '@dauth/protocol';
import { createDurably, readPrivately } from './files.ts';
import { openMemory, type Memory } from './memory.ts';
import { CliError, EXIT, usage } from './output.ts';

export interface Home {
  readonly dir: string;
  readonly operatorKey: string;
  readonly executorPin: string;
  readonly stackFile: string;
  readonly seqFile: string;
  readonly sealsFile: string;
}

/** `--data DIR`, else `DAUTH_HOME`, else `./.dauth`. */
export function openHome(data: string | undefined): Home {
  const dir = resolve(data ?? process.env.DAUTH_HOME ?? '.dauth');
  const at = (name: string) => join(dir, name);
  return {
    dir,
    operatorKey: at('operator.jwk'),
    executorPin: at('executor.pin'),
    stackFile: at('stack.json'),
    seqFile: at('directory-seq.json'),
    sealsFile: at('seals.json'),
  };
}

export function makeHome(home: Home): void {
  mkdirSync(home.dir, { recursive: true, mode: 0o700 });
}

/** A private key. @throws CliError exit 3: unreadable, readable by others, or no such key */
export async function readKeyFile(path: string): Promise<ClientKey> {
  let text: string | undefined;
  try {
    text = readPrivately(path);
  } catch {
    throw new CliError(
      EXIT.authentication,
      'NO_KEY',
      'The key file cannot be read.',
      'Give --data of a started stack, or --authority, --key and --executor-identity.',
    );
  }
  if (text === undefined) {
    throw new CliError(
      EXIT.authentication,
      'KEY_EXPOSED',
      'Other users of this machine can read the key file, so the key is not used.',
      'Run "chmod 600" on it. If somebody may have read it, register a new key.',
    );
  }
  try {
    const jwk: unknown = JSON.parse(text);
    return await importKey(isObject(jwk) ? jwk : {});
  } catch {
    throw new CliError(EXIT.authentication, 'BAD_KEY', 'The key file does not hold a private EC P-256 JWK.');
  }
}

/** Makes a key file (0600) and returns its public half. */
export async function generateKeyFile(path: string): Promise<object> {
  const key = await generateKey({ extractable: true });
  if (!createDurably(path, `${JSON.stringify(await exportPrivateKey(key))}\n`, 0o600))
    throw new CliError(EXIT.conflict, 'EXISTS', 'The key file exists already; it is not overwritten.');
  return { ...key.jwk };
}

/** The public half of a JWK file, private members left behind. */
export function readPublicJwk(path: string): object {
  try {
    const { kty, crv, x, y } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    return { kty, crv, x, ...(y === undefined ? {} : { y }) };
  } catch {
    throw usage('The file given to --jwk is not a JWK.');
  }
}

/** Remembers directory sequence numbers beside the keys. */
export function fileSeqStore(home: Home): SeqStore {
  return openMemory(home.seqFile, () => makeHome(home));
}

/** Remembers the versions this device has sealed or verified, by handle and sealing key. */
export function openSeals(home: Home): Memory {
  return openMemory(home.sealsFile, () => makeHome(home));
}

/** Takes the directory for one stack. @returns how to give it back */
export function lockHome(home: Home): () => void {
  const path = join(home.dir, 'lock');
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch {
      const holder = Number(readFileSync(path, 'utf8'));
      if (isAlive(holder))
        throw new CliError(
          EXIT.conflict,
          'LOCKED',
          `Another stack (process ${holder}) runs on this data directory.`,
          'Use another --data directory.',
        );
      rmSync(path, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
