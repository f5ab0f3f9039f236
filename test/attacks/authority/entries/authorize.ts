/** What is wrong at the authorization endpoint alone, beside what asking.ts has. Data only. */
import { CANARY, type Entry } from '../entry.ts';

const PUSHED = {
  ...{ response_type: null, redirect_uri: null, state: null, code_challenge: null, code_challenge_method: null },
  ...{ resource: null, scope: null },
};

export const AUTHORIZE: readonly Entry[] = [
  {
    ...{ id: 'authorize.no-client', must: 'RFC 6749 §4.1.2.1', what: 'a request of nobody', to: 'authorize' },
    change: { form: { client_id: null } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.unknown-client', must: 'RFC 9700 §4.11.2', what: 'a request of a client nobody knows' },
    ...{ to: 'authorize', change: { form: { client_id: CANARY } } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.no-such-request', must: 'RFC 9126 §4', what: 'the name of no pushed request', to: 'authorize' },
    change: { form: { ...PUSHED, request_uri: `urn:ietf:params:oauth:request_uri:${CANARY}` } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.others-request', must: 'RFC 9126 §2.2', what: 'the pushed request of another client' },
    ...{ to: 'authorize', change: { form: { ...PUSHED, request_uri: '{request of another client}' } } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.used-request', must: 'RFC 9126 §4', what: 'a pushed request that was used', to: 'authorize' },
    change: { form: { ...PUSHED, request_uri: '{used request}' } },
    answer: [400, 'page'],
  },
  {
    ...{
      id: 'authorize.foreign-request',
      must: 'RFC 9101 §5',
      what: 'a request_uri of somewhere else',
      to: 'authorize',
    },
    change: { form: { request_uri: `https://${CANARY}.example/request` } },
    answer: [303, 'request_uri_not_supported'],
  },
  {
    ...{ id: 'authorize.state-twice', must: 'RFC 6749 §3.1', what: 'a state given twice', to: 'authorize' },
    change: { form: { state: ['one', CANARY] } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.redirect-twice', must: 'RFC 6749 §3.1', what: 'a redirect URI given twice', to: 'authorize' },
    change: { form: { redirect_uri: ['https://app.example/callback?kept=1', `https://${CANARY}.example/`] } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.two-resources', must: 'RFC 8707 §2', what: 'two resources in one request', to: 'authorize' },
    change: { form: { resource: ['https://mcp.example/mcp', `https://${CANARY}.example/mcp`] } },
    answer: [400, 'page'],
  },
  {
    ...{ id: 'authorize.post', must: 'RFC 6749 §3.1', what: 'a request by POST', to: 'authorize' },
    change: { method: 'POST' },
    answer: [405, 'page'],
    headers: { allow: 'GET' },
  },
  {
    ...{ id: 'authorize.nobody-there', must: 'OpenID Connect Core §3.1.2.1', what: 'prompt=none of nobody signed in' },
    ...{ to: 'authorize', change: { form: { prompt: 'none' } } },
    answer: [303, 'login_required'],
  },
];
