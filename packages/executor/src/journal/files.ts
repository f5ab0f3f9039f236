/**
 * Small files of the data directory, written so that they survive a power cut: new file, fsync, rename, fsync of the
 * directory. Never a file that others may read, and never a partly written one under its final name.
 * Syncs on file handles: Node's permission model takes `fsyncSync` and its like away.
 */
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Owner only: these files are keys and records. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Makes a directory that only its owner may enter; refuses one that others may. */
export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  assertPrivate(path);
}

/** Whole content, or `undefined` where there is no such file. */
export function readIfPresent(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** @throws TypeError with a sentence for the operator where others than the owner may reach the file */
export function assertPrivate(path: string): void {
  const { mode } = lstatSync(path);
  if ((mode & 0o077) !== 0) {
    throw new TypeError(
      `${path} can be reached by other users of this machine. Take their rights away (chmod go= ${path}).`,
    );
  }
}

/** Replaces a file by new content, durable when the promise settles. */
export async function replaceDurably(path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', FILE_MODE);
  try {
    for (let at = 0; at < content.length;) at += (await file.write(content, at)).bytesWritten;
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes a file of zeros, durable with its name: what is written over them later needs no space. */
export async function reserveDurably(path: string, octets: number): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    const zeros = Buffer.alloc(octets);
    for (let at = 0; at < octets;) at += (await file.write(zeros, at)).bytesWritten;
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}

/** Writes over the beginning of a file that was reserved, durable when the promise settles. */
export async function fillDurably(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (let at = 0; at < content.length;) at += (await file.write(content, at, content.length - at, at)).bytesWritten;
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Takes a file away, where it is there. One that comes back after a power cut must do no harm. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Names in a directory. */
export function namesIn(path: string): Promise<string[]> {
  return readdir(path);
}

/** Makes names in a directory durable: a file's own fsync says nothing about its directory entry. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Whether a file system call failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}
