/**
 * Files of the data directory: written whole or not at all, durable, and never through a link that somebody laid.
 * Knows no names and no meaning; a credential is never written.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes a file with a mode, replacing what is there. */
export function writeDurably(path: string, text: string, mode: number): void {
  withDraft(path, text, mode, (draft) => renameSync(draft, path));
}

/** Writes a file that is not there yet. @returns false where something has that name already; it is left alone */
export function createDurably(path: string, text: string, mode: number): boolean {
  return withDraft(path, text, mode, (draft) => {
    try {
      // A link, unlike a rename, takes no name that is taken: nothing comes between looking and writing.
      linkSync(draft, path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  });
}

/** Adds to a file that is there. Short texts of two processes do not mix (O_APPEND). */
export function appendDurably(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Reads a file that only its owner may read. @returns undefined where others may, without having read it */
export function readPrivately(path: string): string | undefined {
  const file = openSync(path, 'r');
  try {
    // Asked of the open file: a path could name another one by now.
    if (process.platform !== 'win32' && (fstatSync(file).mode & 0o077) !== 0) return undefined;
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** The system's code of a failed call: `ENOENT`, `EEXIST`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The draft is made (O_EXCL) in a new directory beside its place, mode 0700, with a name that nobody can guess. */
function withDraft<T>(path: string, text: string, mode: number, place: (draft: string) => T): T {
  const dir = mkdtempSync(`${path}.`);
  try {
    const draft = join(dir, 'draft');
    const file = openSync(draft, 'wx', mode);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    const placed = place(draft);
    syncDirectory(dirname(path));
    return placed;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A new name is durable once its directory is; Windows has no such call and needs none. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
