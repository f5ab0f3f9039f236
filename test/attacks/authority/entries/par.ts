/** Pushed requests (RFC 9126) that are wrong in the way they are sent, beside those of asking.ts. Data only. */
import { CANARY, type Entry } from '../entry.ts';

export const PAR: readonly Entry[] = [
  {
    ...{ id: 'par.get', must: 'RFC 9126 §2.3', what: 'a pushed request by GET', to: 'par' },
    change: { method: 'GET' },
    answer: [405, 'METHOD_NOT_ALLOWED'],
    headers: { allow: 'POST', 'content-type': true },
  },
  {
    ...{ id: 'par.json', must: 'RFC 9126 §2.1', what: 'a pushed request that is no form', to: 'par' },
    change: { type: 'application/json', body: `{"client_id":"${CANARY}"}` },
    answer: [400, 'invalid_request'],
  },
  {
    ...{ id: 'par.request-uri', must: 'RFC 9126 §2.1', what: 'a pushed request that names another', to: 'par' },
    change: { form: { request_uri: `urn:ietf:params:oauth:request_uri:${CANARY}` } },
    answer: [400, 'request_uri_not_supported'],
  },
  {
    ...{ id: 'par.no-client', must: 'RFC 9126 §2.1', what: 'a pushed request of nobody', to: 'par' },
    change: { form: { client_id: null } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{
      id: 'par.unknown-client',
      must: 'RFC 9126 §2.1',
      what: 'a pushed request of a client nobody knows',
      to: 'par',
    },
    change: { form: { client_id: CANARY } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'par.unproven', must: 'RFC 9126 §2.1', what: 'a pushed request of a client that does not prove its key' },
    ...{ to: 'par', change: { by: 'agent', assertion: 'none' } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'par.stranger', must: 'RFC 9126 §2.1', what: 'a pushed request by somebody with another key', to: 'par' },
    change: { by: 'agent', assertion: { signed: 'stranger' } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'par.secret', must: 'RFC 6749 §2.3', what: 'a secret of a client that has none', to: 'par' },
    change: { form: { client_secret: CANARY } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'par.twice', must: 'RFC 6749 §3.1', what: 'a state given twice', to: 'par' },
    change: { form: { state: ['one', CANARY] } },
    answer: [400, 'invalid_request'],
  },
  {
    ...{ id: 'par.two-resources', must: 'RFC 8707 §2', what: 'two resources in one pushed request', to: 'par' },
    change: { form: { resource: ['https://mcp.example/mcp', `https://${CANARY}.example/mcp`] } },
    answer: [400, 'invalid_request'],
  },
  {
    ...{ id: 'par.two-keys', must: 'RFC 9449 §10.1', what: 'a dpop_jkt of another key than the proof', to: 'par' },
    change: { form: { dpop_jkt: '{key of somebody else}' }, proof: {} },
    answer: [400, 'invalid_request'],
  },
  {
    ...{ id: 'par.bad-proof', must: 'RFC 9449 §10.1', what: 'a pushed request with a proof by somebody else' },
    ...{ to: 'par', change: { proof: { signed: 'stranger' } } },
    answer: [400, 'invalid_dpop_proof'],
  },
  {
    ...{ id: 'par.proof-again', must: 'RFC 9449 §11.1', what: 'a pushed request whose proof was used', to: 'par' },
    change: { proof: {}, again: true },
    answer: [400, 'invalid_dpop_proof'],
  },
];
