/** Revocation (RFC 7009) and introspection (RFC 7662) by whoever may not, or not so. Data only. */
import { at, CANARY, type Entry } from '../entry.ts';

export const ISSUED: readonly Entry[] = [
  ...at('revoke', [
    ['revoke.none', 'RFC 7009 §2.1', 'no token to give back', { form: { token: null } }, 'invalid_request'],
    [
      ...(['revoke.hint', 'RFC 7009 §2.2.1', 'a kind of token nobody knows'] as const),
      ...([{ form: { token_type_hint: CANARY } }, 'unsupported_token_type'] as const),
    ],
    ['revoke.twice', 'RFC 6749 §3.2', 'two tokens', { form: { token: [CANARY, 'another'] } }, 'invalid_request'],
    [
      ...(['revoke.proof', 'RFC 9449 §4.3', 'a token given back with a bad proof'] as const),
      ...([{ proof: { signed: 'stranger' } }, 'invalid_dpop_proof'] as const),
    ],
  ]),
  {
    ...{ id: 'revoke.no-client', must: 'RFC 7009 §2.1', what: 'a token given back by nobody', to: 'revoke' },
    change: { form: { client_id: null } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'revoke.unproven', must: 'RFC 7009 §2.1', what: 'a client that does not prove its key', to: 'revoke' },
    change: { by: 'agent', assertion: 'none' },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'revoke.others', must: 'RFC 7009 §2.1', what: 'the token of another client', to: 'revoke', change: {} },
    answer: [200, 'gone'],
  },
  {
    ...{ id: 'revoke.unknown', must: 'RFC 7009 §2.2', what: 'a token nobody gave', to: 'revoke' },
    change: { form: { token: CANARY } },
    answer: [200, 'gone'],
  },
  {
    ...{ id: 'revoke.get', must: 'RFC 7009 §2.1', what: 'a token given back by GET', to: 'revoke' },
    change: { method: 'GET' },
    answer: [405, 'METHOD_NOT_ALLOWED'],
    headers: { allow: 'POST', 'content-type': true },
  },
  ...at('introspect', [
    ['introspect.none', 'RFC 7662 §2.1', 'a question about no token', { form: { token: null } }, 'invalid_request'],
    ['introspect.others', 'RFC 7662 §2.1', 'a question of no server', { by: 'agent' }, 'unauthorized_client'],
  ]),
  {
    ...{ id: 'introspect.public', must: 'RFC 7662 §2.1', what: 'a question of a client without a key' },
    ...{ to: 'introspect', change: { by: 'app' } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'introspect.unproven', must: 'RFC 7662 §2.3', what: 'a question of a server that does not prove its key' },
    ...{ to: 'introspect', change: { assertion: 'none' } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'introspect.stranger', must: 'RFC 7662 §2.3', what: 'a question by somebody with another key' },
    ...{ to: 'introspect', change: { assertion: { signed: 'stranger' } } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'introspect.unknown', must: 'RFC 7662 §2.2', what: 'a question about a token nobody gave' },
    ...{ to: 'introspect', change: { form: { token: CANARY } } },
    answer: [200, 'inactive'],
  },
  {
    ...{ id: 'introspect.get', must: 'RFC 7662 §2.1', what: 'a question by GET', to: 'introspect' },
    change: { method: 'GET' },
    answer: [405, 'METHOD_NOT_ALLOWED'],
    headers: { allow: 'POST', 'content-type': true },
  },
];
