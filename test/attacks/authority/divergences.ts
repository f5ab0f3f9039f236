/**
 * Where the oracle answers otherwise than the authority: by the id of a row in spec/divergences.md, the entries and what it
 * answers there. Data only; an entry that is not here gets the same answer from both.
 */
import { EXCHANGE } from './entries/exchange.ts';
import type { Answer } from './entry.ts';

type Otherwise = Readonly<Record<string, Answer>>;

const INVALID: Answer = [400, 'invalid_request'];
const GIVEN: Answer = [200, 'given'];
const PUSHED: Answer = [201, 'given'];
const LED_ON: Answer = [303, 'led on'];
const NOT_FOUND: Answer = [404, 'text'];
const NO_GRANT: Answer = [400, 'unsupported_grant_type'];
/** Exchanges that are refused for who asks, before the grant is looked at. */
const BEFORE: readonly string[] = ['no-client', 'unproven', 'stranger', 'again'].map((id) => `exchange.${id}`);

export const DIVERGENCES: Readonly<Record<string, Otherwise>> = {
  'o.methods': {
    ...{ 'par.get': NOT_FOUND, 'token.get': NOT_FOUND, 'revoke.get': NOT_FOUND, 'introspect.get': NOT_FOUND },
    ...{ 'authorize.post': NOT_FOUND, 'device.get': [500, 'text'] },
  },
  'o.nobody': {
    ...{ 'par.no-client': INVALID, 'client.no-client': INVALID, 'device.no-client': INVALID },
    ...{ 'exchange.no-client': INVALID, 'revoke.no-client': INVALID },
  },
  'o.assertion-form': {
    ...{ 'client.no-jwt': INVALID, 'client.other-subject': INVALID, 'client.other-id': INVALID },
    'client.other-type': INVALID,
  },
  'o.assertion-type': { 'client.proof-typ': GIVEN, 'client.token-typ': GIVEN },
  'o.secrets': { 'par.secret': PUSHED, 'client.secret': GIVEN },
  'o.grant-of-client': { 'token.others-grant': INVALID, 'device.others': INVALID },
  'o.twice': { 'token.unknown-twice': GIVEN },
  'o.scopes': {
    ...{ 'par.unknown-scope': PUSHED, 'authorize.unknown-scope': LED_ON },
    ...{ 'token.unknown-scope': GIVEN, 'device.scope': GIVEN },
  },
  'o.no-resource': { 'token.no-resource': GIVEN },
  'o.resources': { 'par.two-resources': [400, 'invalid_target'], 'token.two-resources': [400, 'invalid_target'] },
  'o.page': {
    'authorize.state-twice': [303, 'invalid_request'],
    'authorize.redirect-twice': [303, 'invalid_request'],
    'authorize.two-resources': [303, 'invalid_target'],
    'authorize.no-such-request': [303, 'invalid_request_uri'],
    'authorize.used-request': [303, 'invalid_request_uri'],
    'authorize.others-request': [303, 'invalid_request_object'],
  },
  'o.response-mode': {
    ...{ 'par.response-mode': PUSHED, 'authorize.response-mode': LED_ON },
    'par.unknown-response-mode': [400, 'unsupported_response_mode'],
    'authorize.unknown-response-mode': [303, 'unsupported_response_mode'],
  },
  'o.jkt': { 'par.jkt': PUSHED, 'authorize.jkt': LED_ON },
  'o.state': { 'par.state': PUSHED, 'authorize.state': LED_ON },
  'o.no-proof': {
    'proof.none': [400, 'invalid_grant'],
    'code.no-proof': [400, 'invalid_grant'],
    'refresh.no-proof': [400, 'invalid_grant'],
    'poll.no-proof': [400, 'invalid_grant'],
  },
  'o.proof-time': { 'proof.old': [400, 'use_dpop_nonce'], 'proof.future': [400, 'use_dpop_nonce'] },
  'o.proof-again': { 'par.proof-again': INVALID },
  'o.device-key': {
    ...{ 'device.no-proof': GIVEN, 'proof.again': GIVEN },
    'poll.other-key': [400, 'authorization_pending'],
  },
  'o.verifier': { 'code.no-verifier': [400, 'invalid_grant'], 'code.short-verifier': INVALID },
  'o.redirect': { 'code.no-redirect': GIVEN },
  'o.revocation': { 'revoke.hint': [200, 'gone'], 'revoke.proof': [200, 'gone'] },
  'o.introspection': { 'introspect.others': [200, 'inactive'], 'introspect.public': [200, 'inactive'] },
  'o.workload': {
    'workload.basic': [401, 'invalid_client'],
    ...{ 'workload.no-jwt': INVALID, 'workload.stranger': INVALID, 'workload.no-proof': INVALID },
    ...{ 'workload.other-id': NO_GRANT, 'workload.no-resource': INVALID },
  },
  'o.exchange': Object.fromEntries(EXCHANGE.filter(({ id }) => !BEFORE.includes(id)).map(({ id }) => [id, NO_GRANT])),
};
