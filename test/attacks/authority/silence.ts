/**
 * Pairs of requests that differ in whether what they name exists: the answers must not. Data, and the comparison: octet for
 * octet, but for ids and time.
 */
import { CANARY, type Base, type Change } from './entry.ts';
import type { Got } from './request.ts';
import { OTHER_RESOURCE } from './side.ts';

export interface Pair {
  readonly id: string;
  readonly what: string;
  readonly to: Base;
  /** Names what there is. */
  readonly known: Change;
  /** Names what there is not. */
  readonly unknown: Change;
}

const MADE_UP = 'A'.repeat(43);
const NO_SUCH = `https://${CANARY}.example/mcp`;
const PUSHED = { response_type: null, redirect_uri: null, state: null, code_challenge: null, resource: null };
const named = (name: string, known: string, unknown: string): Pick<Pair, 'known' | 'unknown'> => ({
  known: { form: { [name]: known } },
  unknown: { form: { [name]: unknown } },
});
const nobody = { form: { client_id: CANARY } };
const pushed = (request_uri: string): Change => ({ form: { ...PUSHED, request_uri } });
const noRequest = pushed(`urn:ietf:params:oauth:request_uri:${MADE_UP}`);

const ENDPOINTS = ['par', 'device', 'revoke', 'code', 'refresh'] as const;

export const PAIRS: readonly Pair[] = [
  ...ENDPOINTS.flatMap((to): Pair[] => [
    {
      ...{ id: `${to}-keyed`, what: 'a client that has a key, and none', to },
      ...named('client_id', '{id of the agent}', CANARY),
    },
    {
      ...{ id: `${to}-revoked`, what: 'a client that was revoked, and none', to },
      ...{ known: { by: 'revoked' }, unknown: nobody },
    },
  ]),
  {
    ...{ id: 'authorize-revoked', what: 'a client that was revoked, and none, in the browser', to: 'authorize' },
    ...{ known: { by: 'revoked' }, unknown: nobody },
  },
  {
    ...{ id: 'assertion', what: 'assertions by another key, of a client and of none', to: 'credentials' },
    known: { assertion: { signed: 'stranger' } },
    unknown: { assertion: { signed: 'stranger', claims: { iss: CANARY, sub: CANARY } }, form: { client_id: CANARY } },
  },
  {
    id: 'code',
    what: 'the code of another client, and none',
    to: 'code',
    ...named('code', '{code of another client}', MADE_UP),
  },
  {
    ...{ id: 'refresh', what: 'the refresh token of another client, and none', to: 'refresh' },
    ...named('refresh_token', '{refresh of another client}', `${MADE_UP}.${MADE_UP}`),
  },
  {
    ...{ id: 'refresh-form', what: 'the refresh token of another client, and what is no token', to: 'refresh' },
    ...named('refresh_token', '{refresh of another client}', CANARY),
  },
  {
    ...{ id: 'device', what: 'the device code of another client, and none', to: 'poll' },
    ...named('device_code', '{device of another client}', MADE_UP),
  },
  {
    ...{ id: 'request', what: 'the pushed request of another client, and none', to: 'authorize' },
    ...{ known: pushed('{request of another client}'), unknown: noRequest },
  },
  {
    ...{ id: 'request-used', what: 'a pushed request that was used, and none', to: 'authorize' },
    ...{ known: pushed('{used request}'), unknown: noRequest },
  },
  ...(['par', 'authorize', 'credentials', 'device'] as const).map((to): Pair => ({
    ...{ id: `${to}-resource`, what: 'a resource of another organisation, and none', to },
    ...named('resource', OTHER_RESOURCE, NO_SUCH),
  })),
  {
    ...{ id: 'revoke-access', what: 'the access token of another client, and none, given back', to: 'revoke' },
    ...named('token', '{access}', MADE_UP),
  },
  {
    ...{ id: 'revoke-refresh', what: 'the refresh token of another client, and none, given back', to: 'revoke' },
    ...named('token', '{refresh of another client}', `${MADE_UP}.${MADE_UP}`),
  },
  {
    ...{ id: 'introspect', what: 'a token for another resource, and none, asked about', to: 'introspect' },
    ...named('token', '{access for the authority}', MADE_UP),
  },
];

/** Everything of an answer that does not name the request itself or the time. */
export function comparable({ status, headers, text }: Omit<Got, 'sent'>): object {
  const { date: _, 'dauth-request-id': id, ...others } = headers;
  return { status, headers: others, text: text.replaceAll(String(id), 'REQUEST') };
}
