/**
 * What of this process's environment stands in the way of starting rooms, for `dauth start` and `dauth serve` alike. Says
 * names of variables, never their values; what the rooms themselves get is in rooms.ts.
 */
import { say, usage } from './output.ts';

/** Switches of Node itself: whoever set one expects it of the rooms, too, where it would turn a defence off. */
const REFUSED: readonly (readonly [name: string, why: string])[] = [
  ['NODE_TLS_REJECT_UNAUTHORIZED', 'DAuth does not start where TLS checks may be off.'],
  ['NODE_USE_ENV_PROXY', 'DAuth does not start where Node is told to use a proxy.'],
];
/** What `dauth start` is configured by, besides its file. */
export const CONFIGURING = /^DAUTH_(?:AUTHORITY|EXECUTOR)_/;
const PROXY = /^(?:https?|all)_proxy$/i;

type Environment = Readonly<Record<string, string | undefined>>;

/** Names of the variables that say which proxy to use. npm reads them as well, so that many machines have them. */
export function proxiesIn(env: Environment): readonly string[] {
  return Object.keys(env).filter((name) => PROXY.test(name));
}

/**
 * Before anything is made or started.
 * @param command `start` or `serve …`, for the hint
 * @throws CliError (usage) with which variable to unset
 */
export function checkEnvironment(env: Environment, command: string): void {
  for (const [name, why] of REFUSED) {
    if (env[name] !== undefined) throw usage(`${name} is set; ${why}`, `Unset it: env -u ${name} dauth ${command}`);
  }
  const proxies = proxiesIn(env);
  if (proxies.length > 0) {
    const names = `${proxies.join(', ')} ${proxies.length === 1 ? 'is' : 'are'} set and not used`;
    say(`${names}: no room is given a proxy, and the executor connects to the address it checked and to nothing else.`);
  }
}

/**
 * Of a room alone, which is configured by its file: what an operator refused in a variable would be allowed without a word.
 * @throws CliError (usage) with which variables to unset
 */
export function assertFileAlone(env: Environment): void {
  const names = Object.keys(env).filter((name) => CONFIGURING.test(name));
  if (names.length === 0) return;
  throw usage(
    `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} set; a room alone is configured by its file and by nothing else.`,
    'Put into the file what the variable says (docs/configuration.md "One room alone"), and unset it.',
  );
}
