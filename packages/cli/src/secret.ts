/**
 * Where a credential comes in: stdin, a hidden prompt, a file or a variable; never argv. Octets, zeroed by `seal`.
 * A single field is never decoded to a string; several fields are one JSON object, whose strings end with this process.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { codeOf } from './files.ts';
import { CliError, EXIT, usage } from './output.ts';

export interface SecretSource {
  readonly fromEnv?: string;
  readonly fromFile?: string;
  readonly noInput: boolean;
}

const MAX = 65_536;
const RETRY_MS = 20;
/** No text has these octets. */
const VERSION_0 = Buffer.of(0x02, 0x01, 0x00);

export async function readSecret(source: SecretSource, fields: readonly string[]): Promise<Record<string, Uint8Array>> {
  const octets = await readOctets(source);
  if (octets.length === 0) {
    if (source.noInput) throw inputNeeded();
    throw usage('The credential is empty.');
  }
  if (fields.length === 1) return { [fields[0]!]: octets };
  try {
    return splitFields(octets, fields);
  } finally {
    octets.fill(0);
  }
}

async function readOctets(source: SecretSource): Promise<Buffer> {
  if (source.fromEnv !== undefined) {
    const value = process.env[source.fromEnv];
    if (value === undefined || value === '') throw usage('The variable named by --from-env is not set.');
    return Buffer.from(value, 'utf8');
  }
  if (source.fromFile !== undefined && source.fromFile !== '-') return readFile(source.fromFile);
  if (source.fromFile === '-' || !process.stdin.isTTY) return readBounded(0);
  if (source.noInput) throw inputNeeded();
  const { password, isCancel } = await import('@clack/prompts');
  // stdout is data: `H=$(dauth connect …)` must hold the handle and nothing of the prompt.
  const typed = await password({ message: 'Credential (not shown)', output: process.stderr });
  if (isCancel(typed)) throw new CliError(EXIT.interrupted, 'INTERRUPTED', 'Nothing was sealed.');
  return Buffer.from(typed, 'utf8');
}

function inputNeeded(): CliError {
  return new CliError(
    EXIT.authentication,
    'INPUT_NEEDED',
    'The credential has to be given, and --no-input forbids to ask.',
    'Pipe it: dauth connect … < secret.txt, or use --from-env VAR.',
  );
}

function readFile(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return readBounded(file);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw usage('The file named by --from-file cannot be read.');
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Reads to the end, within the bound: what is too large is never held whole. */
function readBounded(file: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(MAX + 3);
  let size = 0;
  for (;;) {
    let read: number;
    try {
      read = readSync(file, buffer, size, buffer.length - size, null);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') {
        // A non-blocking stdin with nothing in it yet: wait, do not spin.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
        continue;
      }
      if (codeOf(error) === 'EOF') break;
      throw error;
    }
    if (read === 0) break;
    size += read;
    // Two more for the line end that is cut.
    if (size > MAX + 2) break;
  }
  const octets = cutNewline(buffer.subarray(0, size));
  if (octets.length <= MAX) return octets;
  buffer.fill(0);
  throw usage('The credential is larger than 65,536 octets.');
}

/** One trailing newline is the shell's, not the credential's; but a private key in DER may end with that octet. */
function cutNewline(octets: Buffer): Buffer {
  if (isWholeKey(octets)) return octets;
  let end = octets.length;
  if (end > 0 && octets[end - 1] === 0x0a) end -= 1;
  if (end > 0 && end < octets.length && octets[end - 1] === 0x0d) end -= 1;
  return octets.subarray(0, end);
}

/** PKCS #8 in DER (RFC 5208 §5), which says itself where it ends (X.690 §8.1.3). */
function isWholeKey(octets: Buffer): boolean {
  const [tag, first = 0] = octets;
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (tag !== 0x30 || more > 2 || octets.length < 2 + more + VERSION_0.length) return false;
  const length = more === 0 ? first : octets.readUIntBE(2, more);
  const start = 2 + more;
  return start + length === octets.length && octets.subarray(start, start + VERSION_0.length).equals(VERSION_0);
}

function splitFields(octets: Buffer, fields: readonly string[]): Record<string, Uint8Array> {
  let value: unknown;
  try {
    value = JSON.parse(octets.toString('utf8'));
  } catch {
    throw usage('With several fields the credential is one JSON object, as {"user":"…","password":"…"}.');
  }
  const object = (value ?? {}) as Record<string, unknown>;
  const names = Object.keys(object);
  if (names.length !== fields.length || !fields.every((name) => typeof object[name] === 'string')) {
    throw usage('The JSON object must have exactly the fields named by --field, each a string.');
  }
  return Object.fromEntries(fields.map((name) => [name, Buffer.from(object[name] as string, 'utf8')]));
}
