/** Every mutant, in the order of the rooms. */
import { ASSERTIONS } from './assertions.ts';
import { ANSWERS } from './authority/answers.ts';
import { API } from './authority/api.ts';
import { BATTERY } from './authority/battery.ts';
import { BOUNDS } from './authority/bounds.ts';
import { CONSENT_FLOW } from './authority/consent.ts';
import { CLIENTS } from './authority/clients.ts';
import { DEVICE } from './authority/device.ts';
import { EXECUTOR as EXECUTOR_DOOR } from './authority/executor.ts';
import { FEDERATION } from './authority/federation.ts';
import { GROUPED } from './authority/group.ts';
import { INTAKE } from './authority/intake.ts';
import { OAUTH } from './authority/oauth.ts';
import { PEOPLE } from './authority/people.ts';
import { APPS } from './apps.ts';
import { BODY } from './body.ts';
import { SEARCH } from './answers.ts';
import { CHUNKS } from './chunks.ts';
import { CAPTURED } from './captured.ts';
import { CLI } from './cli.ts';
import { CLIENT } from './client.ts';
import { CLIENT_KEYS } from './client-key.ts';
import { ED25519 } from './ed25519.ts';
import { EXCHANGED } from './exchanged.ts';
import { EXECUTOR } from './executor.ts';
import { FORGIVING } from './forgiving.ts';
import { GRAPHQL } from './graphql.ts';
import { ID_JAGS } from './id-jag.ts';
import { HOSTILE_LOGIN } from './hostile-login.ts';
import { KEY_CONTAINER } from './key-container.ts';
import { KINDS } from './kinds.ts';
import { KNOWN_ENDPOINT } from './known-endpoint.ts';
import { LOGIN } from './login.ts';
import { MCP } from './mcp.ts';
import { CLIENT_CERTIFICATES } from './mtls.ts';
import type { Mutant } from './mutant.ts';
import { NATIVE_CALLS } from './native.ts';
import { CALLED_ONCE } from './once.ts';
import { POSTGRES } from './postgres.ts';
import { PROTOCOL } from './protocol.ts';
import { HOST_PROVIDER } from './provider.ts';
import { REGISTERS } from './registers.ts';
import { REDEEMED_CODES } from './redeemed.ts';
import { REFRESHED } from './refreshed.ts';
import { REFUSED_LOGINS } from './refused-login.ts';
import { SIGNERS } from './signed.ts';
import { STORES } from './stores.ts';
import { USE_LIMITS } from './use-limits.ts';
import { SERVERS } from './servers.ts';
import { SERVICE_ACCOUNT } from './service-account.ts';
import { VERIFY } from './verify.ts';
import { WEB_SOCKETS } from './websocket.ts';

export const MUTANTS: readonly Mutant[] = [
  ...[...PROTOCOL, ...VERIFY, ...CLIENT, ...HOST_PROVIDER, ...MCP],
  ...[...OAUTH, ...ANSWERS, ...CONSENT_FLOW, ...INTAKE, ...API, ...CLIENTS, ...EXECUTOR_DOOR, ...BOUNDS],
  ...[
    ...FEDERATION,
    ...GROUPED,
    ...PEOPLE,
    ...DEVICE,
    ...BATTERY,
    ...EXECUTOR,
    ...SIGNERS,
    ...CHUNKS,
    ...BODY,
    ...GRAPHQL,
    ...USE_LIMITS,
    ...EXCHANGED,
    ...REGISTERS,
    ...NATIVE_CALLS,
    ...SERVERS,
    ...SERVICE_ACCOUNT,
    ...SEARCH,
    ...APPS,
    ...KINDS,
    ...KEY_CONTAINER,
    ...STORES,
    ...KNOWN_ENDPOINT,
    ...REFRESHED,
    ...REDEEMED_CODES,
    ...FORGIVING,
    ...POSTGRES,
    ...CAPTURED,
    ...HOSTILE_LOGIN,
    ...REFUSED_LOGINS,
    ...CLI,
    ...LOGIN,
    ...WEB_SOCKETS,
    ...CALLED_ONCE,
    ...CLIENT_CERTIFICATES,
    ...CLIENT_KEYS,
    ...ED25519,
    ...ID_JAGS,
    ...ASSERTIONS,
  ],
];
