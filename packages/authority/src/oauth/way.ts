/**
 * The way a person's answer goes: back to the app with the browser, or to a device that keeps asking. Never both, and never
 * to a place that the request did not have when the person was shown it.
 */
import type { Authority } from '../context.ts';
import type { Grant } from '../store/grants.ts';
import type { Client } from '../store/registry.ts';
import { makeCode } from './code.ts';
import type { Terms } from './consented.ts';
import { OAuthError } from './errors.ts';
import { errorUrl, responseUrl, settleRedirect } from './redirect.ts';
import type { AuthorizationRequest, Wanted } from './request.ts';

/** One whose answer a device comes for (RFC 8628). */
export interface DeviceRequest extends Wanted {
  /** SHA-256 of its device code. */
  readonly device: string;
  /** Where it asked from, as this authority saw it. */
  readonly address: string;
  /** Unix seconds. */
  readonly asked_at: number;
}

export type Asking = AuthorizationRequest | DeviceRequest;

/** The page after an answer that no browser carries on. */
export const ANSWERED_PATH = '/device/answered';

export function isOfDevice(request: Asking): request is DeviceRequest {
  return 'device' in request;
}

/** Whether the answer could still go where the page said it would. */
export function isStillAsked({ store }: Authority, client: Client, request: Asking): boolean {
  if (isOfDevice(request)) return store.devices.isWaiting(request.device);
  return settleRedirect(client, request.redirect_uri) !== undefined;
}

/** @returns where the browser goes */
export function tellNo({ store, config }: Authority, request: Asking): string {
  if (!isOfDevice(request))
    return errorUrl(request, config.issuer, new OAuthError('access_denied', 'The person said no.'));
  store.devices.deny(request.device);
  return ANSWERED_PATH;
}

/** Call inside the transaction that wrote the grant. @returns where the browser goes */
export function tellYes(authority: Authority, request: Asking, grant: Grant, terms: Terms): string {
  const { store, config } = authority;
  if (!isOfDevice(request))
    return responseUrl(request, config.issuer, { code: makeCode(authority, request, grant, terms) });
  store.devices.allow(request.device, grant.id, terms);
  return ANSWERED_PATH;
}
