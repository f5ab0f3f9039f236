/**
 * stdout is data, stderr is talk; errors are a code, a sentence, a hint and an exit code (docs/cli.md).
 * Never prints a value that was typed or sent.
 */
import { DAuthError, type ErrorCode } from '@dauth/protocol';
import { styleText } from 'node:util';

/** Exit codes; stable. */
export const EXIT = Object.freeze({
  ok: 0,
  unexpected: 1,
  usage: 2,
  authentication: 3,
  unreachable: 4,
  denied: 5,
  upstream: 6,
  notFound: 7,
  conflict: 8,
  integrity: 9,
  timeout: 124,
  interrupted: 130,
});

/** A failure of a command, as a script and a person will read it. */
export class CliError extends Error {
  readonly exit: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(exit: number, code: string, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.code = code;
    this.hint = hint;
  }
}

export function usage(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, 'USAGE', message, hint);
}

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: EXIT.authentication,
  REPLAY_DETECTED: EXIT.authentication,
  UNTRUSTED_EXECUTOR: EXIT.authentication,
  ENCLAVE_UNAVAILABLE: EXIT.unreachable,
  FORBIDDEN: EXIT.denied,
  POLICY_DENIED: EXIT.denied,
  ORG_MISMATCH: EXIT.denied,
  CONNECTION_SUSPENDED: EXIT.denied,
  CONNECTION_REVOKED: EXIT.denied,
  NOT_FOUND: EXIT.notFound,
  CONNECTION_NOT_FOUND: EXIT.notFound,
  CONFLICT: EXIT.conflict,
  DECRYPTION_FAILED: EXIT.integrity,
  INVALID_REQUEST: EXIT.usage,
  BAD_REQUEST: EXIT.usage,
  DOWNSTREAM_TIMEOUT: EXIT.upstream,
  DOWNSTREAM_UNREACHABLE: EXIT.upstream,
  DOWNSTREAM_TLS_ERROR: EXIT.upstream,
};

/** Turns anything thrown into what is printed and returned. */
export function describeError(error: unknown): {
  exit: number;
  code: string;
  message: string;
  hint?: string;
  requestId?: string;
} {
  if (error instanceof CliError) {
    return {
      exit: error.exit,
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  if (error instanceof DAuthError) {
    const requestId = (error as { requestId?: string }).requestId;
    return {
      exit: BY_CODE[error.code] ?? EXIT.unexpected,
      code: error.code,
      message: error.publicMessage,
      ...(requestId === undefined ? {} : { requestId }),
    };
  }
  const { name, code, cause } = error as { name?: string; code?: string; cause?: { code?: string } };
  if (name === 'TimeoutError') return { exit: EXIT.timeout, code: 'TIMEOUT', message: 'There was no answer in time.' };
  if (['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'].includes(cause?.code ?? code ?? '')) {
    return {
      exit: EXIT.unreachable,
      code: 'UNREACHABLE',
      message: 'The authority could not be reached.',
      hint: 'Is it running? Try "dauth doctor".',
    };
  }
  return {
    exit: EXIT.unexpected,
    code: 'UNEXPECTED',
    message: 'Something unexpected went wrong.',
    hint: 'Run "dauth doctor".',
  };
}

/** One JSON document, or a table for people. */
export function print(json: boolean, value: unknown, people: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${people()}\n`);
}

/** A remark on stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function bold(text: string): string {
  return process.stderr.isTTY ? styleText('bold', text) : text;
}

/** Columns, as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}
