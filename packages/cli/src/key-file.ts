/**
 * Files of a party's own private key (JWK, 0600), and which client it is registered as: the member `client_id` beside the
 * key's. Never a credential, and never a key that somebody else could have read.
 */
import { readFileSync, rmSync } from 'node:fs';
import { exportPrivateKey, generateKey, importKey, type ClientKey } from '@dauth/client';
import { isObject } from '@dauth/protocol';
import { createDurably, readPrivately, writeDurably } from './files.ts';
import { CliError, EXIT, usage } from './output.ts';

export interface KeyFile {
  readonly key: ClientKey;
  /** What the key is registered as, where the file says it. */
  readonly clientId: string | undefined;
}

/** A private key. @throws CliError exit 3: unreadable, readable by others, or no such key */
export async function readKeyFile(path: string): Promise<KeyFile> {
  let text: string | undefined;
  try {
    text = readPrivately(path);
  } catch {
    throw new CliError(
      EXIT.authentication,
      'NO_KEY',
      'The key file cannot be read.',
      'Is the path right? A started stack (--data) has a key of its own; else give --authority, --key and --executor-identity.',
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
    const members = isObject(jwk) ? jwk : {};
    return { key: await importKey(members), clientId: parseClientId(members.client_id) };
  } catch {
    throw new CliError(EXIT.authentication, 'BAD_KEY', 'The key file does not hold a private EC P-256 JWK.');
  }
}

function parseClientId(value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value))) return value;
  throw new TypeError();
}

/** Makes a key file and returns its public half. @param clientId where it is known before anybody registers the key */
export async function generateKeyFile(path: string, clientId?: string): Promise<object> {
  const key = await generateKey({ extractable: true });
  const named = clientId === undefined ? {} : { client_id: clientId };
  if (!createDurably(path, asText({ ...(await exportPrivateKey(key)), ...named }), 0o600))
    throw new CliError(EXIT.conflict, 'EXISTS', 'The key file exists already; it is not overwritten.');
  return { ...key.jwk };
}

/**
 * Makes a key file, has its public half registered, and notes the `client_id` in it. The key is durable before anybody knows
 * it; where it could not be registered it goes again, so that the same command can be given once more.
 */
export async function registerKeyFile<T extends { readonly client_id: string }>(
  path: string,
  register: (jwk: object) => Promise<T>,
): Promise<T> {
  const jwk = await generateKeyFile(path);
  let registered: T;
  try {
    registered = await register(jwk);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  const members = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeDurably(path, asText({ ...members, client_id: registered.client_id }), 0o600);
  return registered;
}

function asText(jwk: object): string {
  return `${JSON.stringify(jwk)}\n`;
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
