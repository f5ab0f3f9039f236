/**
 * stdout is data, stderr is talk; errors are a code, a sentence, a hint and an exit code (docs/cli.md).
 * Never prints a value that was typed or sent.
 */
import { RemoteError } from '@dauth/client';
import { DAuthError, parseJson, UnknownMember, type ErrorCode } from '@dauth/protocol';
import { styleText } from 'node:util';
import { codeOf } from './files.ts';
import { printable, printableJson, printableLines } from './printable.ts';

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

/** What was given for a flag, parsed. @throws CliError (usage) with the flag and the parser's sentence */
export function given<T>(flag: string, value: unknown, parse: (value: unknown) => T): T {
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    const { cause } = error;
    // A member that nobody knows is a misspelt one of the flag's own JSON: only whoever typed it reads this.
    const misspelt =
      cause instanceof UnknownMember
        ? `"${cause.member}" is not one of its members: ${cause.known.join(', ')}.`
        : undefined;
    throw usage(`${flag} cannot be used. ${error.publicMessage}`, misspelt);
  }
}

/** Characters of JSON that a flag takes: what a policy has room for. */
const MAX_JSON = 8_192;

/** JSON that was given for a flag. @throws CliError (usage) that also says what a shell makes of quotes */
export function givenJson<T>(flag: string, value: string, parse: (value: unknown) => T): T {
  let json: unknown;
  try {
    json = parseJson(value, MAX_JSON);
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    throw usage(
      `${flag} cannot be used. ${error.publicMessage}`,
      `A shell takes double quotes away: put the JSON in single quotes, as in ${flag} '{"name":"value"}'.`,
    );
  }
  return given(flag, json, parse);
}

/** Every code has its exit: a new one does not compile without. */
const BY_CODE: Readonly<Record<ErrorCode, number>> = Object.freeze({
  UNAUTHENTICATED: EXIT.authentication,
  REPLAY_DETECTED: EXIT.authentication,
  UNTRUSTED_EXECUTOR: EXIT.authentication,
  NEEDS_REAUTHORIZATION: EXIT.authentication,
  ENCLAVE_UNAVAILABLE: EXIT.unreachable,
  AUDIT_UNAVAILABLE: EXIT.unreachable,
  RATE_LIMITED: EXIT.unreachable,
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
  DOWNSTREAM_AUTH_FAILURE: EXIT.upstream,
  DOWNSTREAM_RATE_LIMITED: EXIT.upstream,
  RESPONSE_TOO_LARGE: EXIT.upstream,
  RESPONSE_UNSCANNABLE: EXIT.upstream,
  PAYLOAD_TOO_LARGE: EXIT.unexpected,
  METHOD_NOT_ALLOWED: EXIT.unexpected,
  UNSUPPORTED_MEDIA_TYPE: EXIT.unexpected,
  INTERNAL: EXIT.unexpected,
});

/** What a person can do about a code, where the sentence alone does not say it. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = Object.freeze({
  UNAUTHENTICATED: 'Is this the key, and the client id, that were registered here?',
  ENCLAVE_UNAVAILABLE: 'Is it running, and is this its address? Try "dauth doctor".',
  AUDIT_UNAVAILABLE: 'The executor cannot write its journal: its operator finds the reason in its log.',
  RATE_LIMITED: 'Wait a minute, then give the same command again.',
});

/** The same for codes of the token endpoint (RFC 6749 §5.2), which say more. */
const OAUTH_HINTS: ReadonlyMap<string, string> = new Map([
  [
    'unauthorized_client',
    'The key is that of a client that asks for no tokens, as an MCP server\'s is. Give --key with the file of one that "dauth clients add" registered, or leave it out.',
  ],
]);

/** Of undici and OpenSSL: somebody answered, and could not prove who it is. */
const UNPROVEN = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|UNABLE_TO_|SELF_SIGNED_)/;
/** Characters of a sentence or id that another party wrote. */
const MAX_SHOWN = 500;

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
  const network = describeNetwork(error);
  if (network !== undefined) return network;
  if (error instanceof DAuthError) {
    const { requestId, oauthError } = error instanceof RemoteError ? error : {};
    // The sentence may be one of the authority's, and not of ours.
    const message = printable(error.publicMessage).slice(0, MAX_SHOWN);
    const hint = OAUTH_HINTS.get(oauthError ?? '') ?? HINTS[error.code];
    return {
      ...{ exit: BY_CODE[error.code], code: error.code, message },
      ...(hint === undefined ? {} : { hint }),
      ...(requestId === undefined ? {} : { requestId: printable(requestId).slice(0, MAX_SHOWN) }),
    };
  }
  return {
    exit: EXIT.unexpected,
    code: 'UNEXPECTED',
    message: 'Something unexpected went wrong.',
    hint: 'Run "dauth doctor".',
  };
}

/** What came of asking a provider: said of it, and not of the authority, with the same exit code. */
export function ofProvider(error: unknown): unknown {
  const outage = outageOf(error);
  if (outage === undefined || !(error instanceof DAuthError)) return error;
  const { exit, code } = OUTAGES[outage];
  if (outage === 'late')
    return new CliError(
      exit,
      code,
      'The provider did not answer in time.',
      'Give it more time with --timeout SECONDS.',
    );
  if (outage === 'unproven')
    return new CliError(exit, code, 'The provider did not prove its identity over TLS.', OUTAGES.unproven.hint);
  // Its own sentence says what to do: nobody here can start it.
  return new CliError(exit, code, error.publicMessage);
}

function describeNetwork(error: unknown): ReturnType<typeof describeError> | undefined {
  const outage = outageOf(error);
  return outage === undefined ? undefined : OUTAGES[outage];
}

const OUTAGES = Object.freeze({
  late: {
    ...{ exit: EXIT.timeout, code: 'TIMEOUT', message: 'There was no answer in time.' },
    hint: 'Try "dauth doctor", or give it more time with --timeout SECONDS.',
  },
  unproven: {
    ...{ exit: EXIT.unreachable, code: 'UNREACHABLE', message: 'The authority did not prove its identity over TLS.' },
    hint: 'Is the address right? For a private certificate authority set NODE_EXTRA_CA_CERTS=FILE.',
  },
  away: {
    ...{ exit: EXIT.unreachable, code: 'UNREACHABLE', message: 'The authority could not be reached.' },
    hint: 'Is it running? Try "dauth doctor".',
  },
});

/** Looks through the causes: whatever could not be checked because nobody answered is unreachable, not untrusted. */
function outageOf(error: unknown): keyof typeof OUTAGES | undefined {
  let cause: unknown = error;
  let isFailedFetch = false;
  for (let depth = 0; depth < 6 && cause instanceof Error; depth++, cause = cause.cause) {
    if (cause.name === 'TimeoutError') return 'late';
    if (UNPROVEN.test(codeOf(cause) ?? '')) return 'unproven';
    // Somebody answered, and sent us elsewhere: that is no outage.
    if (cause.message === 'unexpected redirect') return undefined;
    // What `fetch` throws for every network failure; the reason is a cause with as many codes as there are systems.
    isFailedFetch ||= cause instanceof TypeError && /^(?:fetch failed|terminated)$/.test(cause.message);
  }
  return isFailedFetch ? 'away' : undefined;
}

/** One JSON document, or a table for people. */
export function print(json: boolean, value: unknown, people: () => string): void {
  process.stdout.write(`${json ? printableJson(JSON.stringify(value)) : printableLines(people())}\n`);
}

/** A journal record as it was written; a terminal gets what it would obey as escapes. */
export function printRecord(line: string): void {
  process.stdout.write(`${process.stdout.isTTY ? printableJson(line) : line}\n`);
}

/** Waits until what was printed has been taken: a pipe holds 64 KiB, and its reader may be slower than we are. */
export async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

/** A remark on stderr. */
export function say(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}

export function sayBold(text: string): void {
  const shown = printableLines(text);
  process.stderr.write(`${process.stderr.isTTY ? styleText('bold', shown) : shown}\n`);
}

/** The error as one JSON line on stderr. */
export function sayJson(value: object): void {
  process.stderr.write(`${printableJson(JSON.stringify(value))}\n`);
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
