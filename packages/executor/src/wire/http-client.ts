/**
 * What is used of undici: three dispatchers and one way to ask. Its door would load the rest too (`fetch`, sockets, caches, mocks),
 * which a start would wait for and this room has no use for. Never a global dispatcher, and nothing that follows a redirect.
 */
import type * as door from 'undici';
// @ts-expect-error Only the door has types.
import agent from 'undici/lib/dispatcher/agent.js';
// @ts-expect-error Likewise.
import client from 'undici/lib/dispatcher/client.js';
// @ts-expect-error Likewise.
import pool from 'undici/lib/dispatcher/pool.js';
// @ts-expect-error Likewise.
import ask from 'undici/lib/api/api-request.js';

export type Agent = door.Agent;
export type Client = door.Client;
export type Pool = door.Pool;
export const Agent = agent as typeof door.Agent;
export const Client = client as typeof door.Client;
export const Pool = pool as typeof door.Pool;

/** `dispatcher.request(options)`, which only the door gives to dispatchers. */
export function request(
  dispatcher: door.Dispatcher,
  options: door.Dispatcher.RequestOptions,
): Promise<door.Dispatcher.ResponseData> {
  return (ask as (options: door.Dispatcher.RequestOptions) => Promise<door.Dispatcher.ResponseData>).call(
    dispatcher,
    options,
  );
}
