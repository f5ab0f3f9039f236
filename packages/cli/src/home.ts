/**
 * The data directory: its files, their modes, and which stack holds it. Keys here are the operator's, never a credential.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
  fsyncSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { importKey, generateKey, exportPrivateKey, type ClientKey, type SeqStore } from '@dauth/client';
import { CliError, EXIT, usage } from './output.ts';

export interface Home {
  readonly dir: string;
  readonly operatorKey: string;
  readonly executorPin: string;
  readonly stackFile: string;
  readonly seqFile: string;
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
  };
}

export function makeHome(home: Home): void {
  mkdirSync(home.dir, { recursive: true, mode: 0o700 });
}

/** Writes a file whole or not at all, durable, with a mode. */
export function writeDurably(path: string, text: string, mode: number): void {
  const draft = `${path}.${process.pid}.tmp`;
  const file = openSync(draft, 'w', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}

export async function readKeyFile(path: string): Promise<ClientKey> {
  let jwk: Record<string, unknown>;
  try {
    jwk = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch {
    throw new CliError(
      EXIT.authentication,
      'NO_KEY',
      'The key file cannot be read.',
      'Give --data of a started stack, or --authority, --key and --executor-identity.',
    );
  }
  try {
    return await importKey(jwk);
  } catch {
    throw new CliError(EXIT.authentication, 'BAD_KEY', 'The key file does not hold a private EC P-256 JWK.');
  }
}

/** Makes a key file (0600) and returns its public half. */
export async function generateKeyFile(path: string): Promise<object> {
  if (existsSync(path))
    throw new CliError(EXIT.conflict, 'EXISTS', 'The key file exists already; it is not overwritten.');
  const key = await generateKey({ extractable: true });
  writeDurably(path, `${JSON.stringify(await exportPrivateKey(key))}\n`, 0o600);
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
  const read = (): Record<string, number> => {
    try {
      return JSON.parse(readFileSync(home.seqFile, 'utf8')) as Record<string, number>;
    } catch {
      return {};
    }
  };
  return {
    get: (identity) => read()[identity],
    set: (identity, seq) => {
      makeHome(home);
      writeDurably(home.seqFile, JSON.stringify({ ...read(), [identity]: seq }), 0o600);
    },
  };
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
