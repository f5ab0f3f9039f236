/**
 * The device flow (RFC 8628): a device that has no browser shows a code, and asks until a person has answered elsewhere.
 * Never a token for another key than the one that asked first, and never one without a page on which a person said yes.
 */
import { randomInt } from 'node:crypto';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { addressOf, incomingOf, type HttpContext, type HttpEnv } from '../http.ts';
import type { Device } from '../store/devices.ts';
import { authenticateClient, boundTo, consumeOnce, type AuthenticatedClient } from './client-auth.ts';
import { issueConsented, type Terms } from './consented.ts';
import { OAuthError } from './errors.ts';
import { need, readForm, type Form } from './form.ts';
import type { TokenAnswer } from './issue.ts';
import { oauthProblem } from './problem.ts';
import { endGrant, openFamily } from './refresh.ts';
import { readWanted } from './request.ts';
import { hashed, newSecret } from './secret.ts';
import type { DeviceRequest } from './way.ts';

export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
export const DEVICE_PATH = '/device';

const SECONDS = 600;
/** RFC 8628 §3.5: what a device that asks too soon has to add, and to begin with. */
const PAUSE = 5;
/** RFC 8628 §6.1: no vowels, so no words, and nothing to misread; 20^8 are 34 bits. */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const LETTERS = 8;
const USER_CODE = new RegExp(`^[${ALPHABET}]{${LETTERS}}$`);
/** Two equal codes at a time are one chance in millions. */
const MAX_DRAWS = 8;

export function deviceEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, log, config } = authority;
  app.post('/device_authorization', async (c) => {
    try {
      const form = await readForm(c, 'authorization request');
      const by = await authenticateClient(authority, c, form, '/device_authorization');
      const { client_id, grants } = by.client;
      if (!grants.includes(DEVICE_CODE))
        throw new OAuthError('unauthorized_client', 'The client is not registered for the device flow.');
      const wanted = readWanted(authority, by.client, form);
      const codes = store.transaction(() => {
        consumeOnce(authority, by);
        const asked = { ...wanted, jkt: boundTo(by), address: shownAddressOf(c), asked_at: authority.now() };
        return keep(authority, asked, addressOf(c));
      });
      log({ event: 'device', client_id, request_id: c.get('requestId') });
      const uri = `${config.issuer}${DEVICE_PATH}`;
      return c.json({
        ...{ device_code: codes.device, user_code: codes.user, verification_uri: uri },
        verification_uri_complete: `${uri}?user_code=${codes.user}`,
        ...{ expires_in: SECONDS, interval: PAUSE },
      });
    } catch (error) {
      return oauthProblem(authority, c, error, 'device_refused');
    }
  });
}

/** Keeps what a device wants under two codes nobody can guess. @throws OAuthError `temporarily_unavailable` */
function keep(
  { store, now }: Authority,
  wanted: Omit<DeviceRequest, 'device'>,
  from: string,
): { device: string; user: string } {
  const { client_id, jkt } = wanted;
  if (!store.devices.hasRoom(client_id, from))
    throw new OAuthError(
      'temporarily_unavailable',
      'Too many devices of this client, or at this address, wait for a person.',
    );
  const device = newSecret();
  const hash = hashed(device);
  const row = { hash, client_id, jkt, request: { ...wanted, device: hash }, pause: PAUSE, expires_at: now() + SECONDS };
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const user = makeUserCode();
    if (store.devices.add<DeviceRequest>(row, hashedUserCode(user), from)) return { device, user };
  }
  throw new OAuthError('temporarily_unavailable', 'Too many devices wait for a person.');
}

function makeUserCode(): string {
  return readUserCode(Array.from({ length: LETTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''))!;
}

/** A user code as devices show it, however it was typed; undefined where it cannot be one. */
export function readUserCode(typed: string): string | undefined {
  const letters = typed.toUpperCase().replace(/[^A-Z]/g, '');
  return USER_CODE.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined;
}

/** What is stored of a user code. */
export function hashedUserCode(code: string): string {
  return hashed(`user code ${code}`);
}

/** For a person's eyes. Behind a proxy it is the proxy's: a header that says otherwise is whatever somebody wrote into it. */
function shownAddressOf(c: HttpContext): string {
  return incomingOf(c)?.socket?.remoteAddress ?? 'unknown';
}

/** The grant type of RFC 8628 §3.4. */
export async function grantDevice(authority: Authority, by: AuthenticatedClient, form: Form): Promise<TokenAnswer> {
  const { store } = authority;
  const hash = hashed(need(form, 'device_code'));
  const answer = await store.grouped(() => {
    consumeOnce(authority, by);
    const device = store.devices.find<DeviceRequest, Terms>(hash);
    // One that never was and another client's are one answer.
    if (device === undefined || device.client_id !== by.client.client_id) throw noCode();
    if (device.jkt !== boundTo(by))
      throw new OAuthError('invalid_grant', 'The device code is bound to another DPoP key than this request proves.');
    if (device.state !== 'allowed' || device.expires_at <= authority.now()) return waitOrEnd(authority, by, device);
    const { grant_id, terms } = device.given!;
    if (!store.devices.fetch(hash)) throw noCode();
    const grant = store.grants.get(grant_id);
    const token = issueConsented(authority, by, grant, terms, form);
    return { ...token, ...openFamily(authority, by, grant!, terms) };
  });
  // Thrown out here: what was written down of it is to stay.
  if (answer instanceof OAuthError) throw answer;
  return answer;
}

/** What a device is told that has nothing to fetch. */
function waitOrEnd(
  authority: Authority,
  by: AuthenticatedClient,
  { hash, state, given, polled_at, pause, expires_at }: Device<DeviceRequest, Terms>,
): OAuthError {
  const { store, now } = authority;
  if (state === 'fetched') {
    // As with an authorization code: somebody has a copy.
    endGrant(authority, given!.grant_id, by.client);
    return new OAuthError('invalid_grant', 'This device code was used before; the access it gave was ended.');
  }
  if (expires_at <= now()) return new OAuthError('expired_token', 'The device code has ended. Ask for a new one.');
  if (state === 'denied') return new OAuthError('access_denied', 'The person said no.');
  const isSoon = polled_at !== null && now() < polled_at + pause;
  store.devices.polled(hash, isSoon ? pause + PAUSE : pause);
  if (!isSoon) return new OAuthError('authorization_pending', 'No person has answered yet. Ask again.');
  return new OAuthError('slow_down', `Asked too soon: wait ${pause + PAUSE} seconds from now on.`);
}

function noCode(): OAuthError {
  return new OAuthError('invalid_grant', 'The device code is not valid. Ask for a new one.');
}
