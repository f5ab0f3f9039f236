/**
 * What a driver says first, read at step 4 of a session (spec/dauth.md §5.6): bounded in size and time.
 * Never a password, never an option that a server would act on: what is passed on is named here.
 */
import type { Readable } from 'node:stream';
import { DAuthError } from '@dauth/protocol';
import { parseStartup, startupLength, type Startup } from './messages.ts';

const STARTUP_MS = 10_000;
/** How values are written. All else that a driver may set here, it may set in a statement, where the gate sees it. */
const PASSED_ON: ReadonlySet<string> = new Set([
  'application_name',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'extra_float_digits',
]);
/** What stands here is the executor's: the user and the database that were sealed, and how answers can be searched. */
const OURS: ReadonlySet<string> = new Set(['user', 'database', 'client_encoding']);

/** Reads the first packet and leaves what is behind it. @throws DAuthError `INVALID_REQUEST`, `BAD_REQUEST` */
export function readStartup(request: Readable): Promise<Startup> {
  return new Promise((resolve, reject) => {
    let octets = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(late);
      request.pause();
      request.removeListener('data', take).removeListener('end', ended).removeListener('error', ended);
    };
    const ended = (): void => {
      settle();
      reject(new DAuthError('BAD_REQUEST', 'The driver said nothing, or left.'));
    };
    const take = (piece: Buffer): void => {
      octets = Buffer.concat([octets, piece]);
      try {
        const length = startupLength(octets);
        if (length === undefined || octets.length < length) return;
        settle();
        if (octets.length > length) request.unshift(octets.subarray(length));
        resolve(parseStartup(octets.subarray(0, length)));
      } catch (error) {
        settle();
        reject(error as DAuthError);
      }
    };
    const late = setTimeout(ended, STARTUP_MS);
    request.on('data', take).once('end', ended).once('error', ended);
  });
}

/**
 * The driver's parameters that go to the server.
 * @throws DAuthError `POLICY_DENIED` for any other, and for another database than the one that was proven and allowed
 */
export function passedOn(parameters: ReadonlyMap<string, string>, database: string): ReadonlyMap<string, string> {
  const encoding = parameters.get('client_encoding') ?? 'UTF8';
  if (!/^'?utf-?8'?$/i.test(encoding))
    throw new DAuthError('POLICY_DENIED', 'The session speaks UTF8; leave client_encoding as it is.');
  // libpq's default is the name of the user, which nobody here asks for.
  const named = parameters.get('database');
  if (named !== undefined && named !== database && named !== parameters.get('user'))
    throw new DAuthError('POLICY_DENIED', 'The driver names another database than the session was opened for.');
  for (const name of parameters.keys())
    if (!PASSED_ON.has(name) && !OURS.has(name))
      throw new DAuthError('POLICY_DENIED', 'The driver sets a parameter that is not passed on; leave it out.');
  return new Map([...parameters].filter(([name]) => PASSED_ON.has(name)));
}
