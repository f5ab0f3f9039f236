/**
 * What is wrong with an authorization request whichever way it comes, pushed or in the address (RFC 9126 §2.1 asks for the
 * same checks): one list, made into entries of both. Data only.
 */
import { CANARY, type Answer, type Change, type Entry } from '../entry.ts';

interface Wrong {
  readonly id: string;
  readonly must: string;
  readonly what: string;
  readonly form: NonNullable<Change['form']>;
  readonly answer: string;
}

const WRONG: readonly Wrong[] = [
  {
    ...{ id: 'no-challenge', must: 'RFC 9700 §2.1.1', what: 'a request without a code challenge' },
    ...{ form: { code_challenge: null, code_challenge_method: null }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'plain', must: 'RFC 9700 §2.1.1', what: 'a code challenge by the method plain' },
    ...{ form: { code_challenge_method: 'plain' }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'no-method', must: 'RFC 7636 §4.3', what: 'a code challenge without a method, which would be plain' },
    ...{ form: { code_challenge_method: null }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'short-challenge', must: 'RFC 7636 §4.2', what: 'a code challenge of 42 characters' },
    ...{ form: { code_challenge: 'a'.repeat(42) }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'no-response-type', must: 'RFC 6749 §3.1.1', what: 'a request without a response type' },
    ...{ form: { response_type: null }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'implicit', must: 'RFC 9700 §2.1.2', what: 'the response type token' },
    ...{ form: { response_type: 'token' }, answer: 'unsupported_response_type' },
  },
  {
    ...{ id: 'hybrid', must: 'RFC 9700 §2.1.2', what: 'the response type "code token"' },
    ...{ form: { response_type: 'code token' }, answer: 'unsupported_response_type' },
  },
  {
    ...{ id: 'unknown-response-type', must: 'RFC 6749 §4.1.2.1', what: 'a response type nobody knows' },
    ...{ form: { response_type: CANARY }, answer: 'unsupported_response_type' },
  },
  {
    ...{ id: 'request-object', must: 'RFC 9101 §5', what: 'a request object' },
    ...{ form: { request: `${CANARY}.e30.` }, answer: 'request_not_supported' },
  },
  {
    ...{ id: 'unknown-scope', must: 'RFC 6749 §3.3', what: 'a scope that the resource does not have' },
    ...{ form: { scope: `mcp:use ${CANARY}` }, answer: 'invalid_scope' },
  },
  {
    ...{ id: 'unknown-resource', must: 'RFC 8707 §2', what: 'a resource nobody registered' },
    ...{ form: { resource: `https://${CANARY}.example/mcp` }, answer: 'invalid_target' },
  },
  {
    ...{ id: 'relative-resource', must: 'RFC 8707 §2', what: 'a resource that is no absolute URI' },
    ...{ form: { resource: `/${CANARY}` }, answer: 'invalid_target' },
  },
  {
    ...{ id: 'resource-fragment', must: 'RFC 8707 §2', what: 'a resource with a fragment' },
    ...{ form: { resource: `https://mcp.example/mcp#${CANARY}` }, answer: 'invalid_target' },
  },
  {
    ...{ id: 'details-json', must: 'RFC 9396 §5', what: 'authorization details that are no JSON' },
    ...{ form: { authorization_details: `[${CANARY}` }, answer: 'invalid_authorization_details' },
  },
  {
    ...{ id: 'details-type', must: 'RFC 9396 §5', what: 'authorization details of a type nobody knows' },
    ...{
      form: { authorization_details: JSON.stringify([{ type: CANARY }]) },
      answer: 'invalid_authorization_details',
    },
  },
  {
    ...{ id: 'details-member', must: 'RFC 9396 §5', what: 'authorization details with a member nobody knows' },
    ...{
      form: { authorization_details: JSON.stringify([{ type: 'dauth_connection', [CANARY]: 1 }]) },
      answer: 'invalid_authorization_details',
    },
  },
  {
    ...{ id: 'jkt', must: 'RFC 9449 §10', what: 'a dpop_jkt that is no thumbprint' },
    ...{ form: { dpop_jkt: CANARY }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'response-mode', must: 'RFC 9700 §2.1', what: 'an answer asked for in the fragment' },
    ...{ form: { response_mode: 'fragment' }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'unknown-response-mode', must: 'RFC 6749 §4.1.2.1', what: 'a response mode nobody knows' },
    ...{ form: { response_mode: CANARY }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'prompt', must: 'OpenID Connect Core §3.1.2.1', what: 'prompt=none beside another' },
    ...{ form: { prompt: 'none login' }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'max-age', must: 'OpenID Connect Core §3.1.2.1', what: 'a max_age that is no number' },
    ...{ form: { max_age: CANARY }, answer: 'invalid_request' },
  },
  {
    ...{ id: 'state', must: 'RFC 6749 §A.5', what: 'a state with a control character' },
    ...{ form: { state: `${CANARY}\u0000` }, answer: 'invalid_request' },
  },
];

/** Addresses that are not the registered one, octet for octet (RFC 9700 §2.1). */
const ADDRESSES: readonly (readonly [id: string, what: string, address: string | null])[] = [
  ['other-host', 'of another host', `https://${CANARY}.example/callback?kept=1`],
  ['other-query', 'without its query', 'https://app.example/callback'],
  ['more-query', 'with more in its query', `https://app.example/callback?kept=1&${CANARY}=1`],
  ['fragment', 'with a fragment', `https://app.example/callback?kept=1#${CANARY}`],
  ['case', 'with its host in capitals', 'https://APP.example/callback?kept=1'],
  ['port', 'with its port said', 'https://app.example:443/callback?kept=1'],
  ['userinfo', 'with user information', `https://${CANARY}@app.example/callback?kept=1`],
  ['suffix', 'whose host only begins like it', 'https://app.example.evil.example/callback?kept=1'],
  ['dots', 'with dot segments', 'https://app.example/x/../callback?kept=1'],
  ['script', 'that is a script', `javascript:${CANARY}`],
];

function of(to: 'par' | 'authorize', status: number): readonly Entry[] {
  return WRONG.map(({ id, must, what, form, answer }) => ({
    ...{ id: `${to}.${id}`, must, what, to, change: { form }, answer: [status, answer] },
  }));
}

function addresses(to: 'par' | 'authorize', answer: Answer): readonly Entry[] {
  return ADDRESSES.map(([id, what, redirect_uri]) => ({
    ...{ id: `${to}.redirect-${id}`, must: 'RFC 9700 §2.1', what: `a redirect URI ${what}` },
    ...{ to, change: { form: { redirect_uri } }, answer },
  }));
}

export const ASKING: readonly Entry[] = [
  ...of('par', 400),
  ...addresses('par', [400, 'invalid_request']),
  ...of('authorize', 303),
  ...addresses('authorize', [400, 'page']),
];
