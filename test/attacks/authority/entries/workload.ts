/** Workload identity (RFC 7523 §2.1): a platform's assertion, and what else comes with it or is missing. Data only. */
import { at, CANARY, type Entry } from '../entry.ts';

const [INVALID, GRANT, TARGET] = ['invalid_request', 'invalid_grant', 'invalid_target'] as const;

export const WORKLOAD: readonly Entry[] = at('workload', [
  [
    ...([
      'workload.basic',
      'RFC 6749 §2.3',
      'a workload that also sends a secret in the Authorization header',
    ] as const),
    ...([{ headers: { authorization: '{secret}' } }, INVALID] as const),
  ],
  [
    ...([
      'workload.bearer',
      'RFC 6749 §2.3',
      'a workload that also sends a token in the Authorization header',
    ] as const),
    ...([{ headers: { authorization: `Bearer ${CANARY}` } }, INVALID] as const),
  ],
  [
    ...(['workload.secret', 'RFC 6749 §2.3', 'a workload that also sends a secret'] as const),
    ...([{ form: { client_secret: CANARY } }, INVALID] as const),
  ],
  [
    ...(['workload.assertion-beside', 'RFC 6749 §2.3', 'a workload that is also a client by its key'] as const),
    ...([{ form: { client_assertion: CANARY } }, INVALID] as const),
  ],
  ['workload.none', 'RFC 7523 §2.1', 'a workload without an assertion', { form: { assertion: null } }, INVALID],
  [
    ...(['workload.twice', 'RFC 7523 §2.1', 'a workload with two assertions'] as const),
    ...([{ form: { assertion: ['{workload}', CANARY] } }, INVALID] as const),
  ],
  ['workload.no-jwt', 'RFC 7523 §3.1', 'an assertion that is no JWT', { form: { assertion: CANARY } }, GRANT],
  [
    ...(['workload.stranger', 'RFC 7523 §3', 'an assertion by another key than the platform’s'] as const),
    ...([{ form: { assertion: '{workload that nobody vouches for}' } }, GRANT] as const),
  ],
  [
    ...(['workload.other-id', 'RFC 7523 §2.1', 'an assertion beside the id of another client'] as const),
    ...([{ form: { client_id: '{id of another client}' } }, GRANT] as const),
  ],
  ['workload.no-proof', 'RFC 9449 §5', 'a workload without a proof', { proof: 'none' }, 'invalid_dpop_proof'],
  ['workload.no-resource', 'RFC 8707 §2', 'a workload without a resource', { form: { resource: null } }, TARGET],
]);
