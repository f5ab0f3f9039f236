/** Whom the conformance suite's mode `authorization` tries at the authority, and why it ends as it does. Data only. */
import type { Run } from './result.ts';

export interface AuthorizationRun extends Run {
  /** Of `dauth clients add`. */
  readonly flags: readonly string[];
}

const command = 'authorization --url ISSUER --client-id ID --resource URI';

export const AUTHORIZATION_RUNS: readonly AuthorizationRun[] = [
  {
    title: 'The authority, to a client as any other',
    command,
    flags: [],
    reasons: {
      'authorization-code-grant':
        'The suite redeems the code without a DPoP proof (RFC 9449 §5); a token is bound to the key of its client, or there is none. Everything before that request passes.',
    },
  },
  { title: 'The authority, to a client that an operator marked Bearer', command, flags: ['--bearer'] },
];
