/**
 * Journal segments: files of a fixed size, filled with zeros and synced before their first line, so that a line never
 * needs new space. Never removed here: records leave only when an operator takes them away.
 */
import { open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './files.ts';

/** The file system as the journal uses it; tests pass one that fails. */
export interface SegmentFiles {
  /** First sequence numbers of the segments, ascending. */
  list(): Promise<readonly number[]>;
  /** All of a segment, or `length` octets from an offset. */
  read(first: number, from?: number, length?: number): Promise<Buffer>;
  /** Makes a segment of `size` zeros, durable with its name. */
  create(first: number, size: number): Promise<Segment>;
  /** Opens an existing one for writing. */
  open(first: number): Promise<Segment>;
}

export interface Segment {
  readonly first: number;
  readonly size: number;
  /** Writes at an offset inside the segment and syncs the data. */
  write(content: Buffer, offset: number): Promise<void>;
  close(): Promise<void>;
}

const NAME = /^(\d{12})\.jsonl$/;
const CHUNK = 1_048_576;

/** Segments in a directory, named by the sequence number of their first line. */
export function segmentsIn(directory: string): SegmentFiles {
  const pathOf = (first: number) => join(directory, `${String(first).padStart(12, '0')}.jsonl`);
  return {
    async list() {
      const names = await readdir(directory);
      return names
        .flatMap((name) => NAME.exec(name)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => a - b);
    },
    async read(first, from = 0, length = Infinity) {
      if (length === Infinity) return (await readFile(pathOf(first))).subarray(from);
      const file = await open(pathOf(first), 'r');
      try {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    async create(first, size) {
      const file = await open(pathOf(first), 'w+', 0o600);
      try {
        const zeros = Buffer.alloc(Math.min(CHUNK, size));
        for (let at = 0; at < size; at += zeros.length) await writeAll(file, zeros.subarray(0, size - at), at);
        await file.sync();
        await syncDirectory(directory);
        return makeSegment(file, first, size);
      } catch (error) {
        // A disk that is full gets back what could be had; the segment before is whole and keeps its reserved space.
        await file.close();
        await rm(pathOf(first), { force: true });
        throw error;
      }
    },
    async open(first) {
      const file = await open(pathOf(first), 'r+');
      return makeSegment(file, first, (await file.stat()).size);
    },
  };
}

function makeSegment(file: FileHandle, first: number, size: number): Segment {
  return {
    first,
    size,
    async write(content, offset) {
      if (offset + content.length > size) throw new TypeError('A journal line does not fit its segment.');
      await writeAll(file, content, offset);
      await file.datasync();
    },
    close: () => file.close(),
  };
}

async function writeAll(file: FileHandle, content: Buffer, position: number): Promise<void> {
  for (let at = 0; at < content.length;) {
    at += (await file.write(content, at, content.length - at, position + at)).bytesWritten;
  }
}
