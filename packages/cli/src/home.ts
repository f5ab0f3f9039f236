/**
 * The data directory: its files, their modes, and which stack holds it. Never what is in a key, and never a credential.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SeqStore } from '@dauth/client';
import { openMemory, type Memory } from './memory.ts';
import { CliError, EXIT } from './output.ts';

export interface Home {
  readonly dir: string;
  readonly operatorKey: string;
  readonly executorPin: string;
  readonly stackFile: string;
  readonly seqFile: string;
  readonly sealsFile: string;
  /** A signed-in person's: the sign-in, the key it is bound to, and who uses it now. */
  readonly loginFile: string;
  readonly loginKey: string;
  readonly loginLock: string;
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
    loginFile: at('login.json'),
    loginKey: at('login.jwk'),
    loginLock: at('login.lock'),
  };
}

export function makeHome(home: Home): void {
  mkdirSync(home.dir, { recursive: true, mode: 0o700 });
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
