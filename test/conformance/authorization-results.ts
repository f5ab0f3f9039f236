/** How the conformance suite's mode `authorization` ends at the authority. Data only. */
import type { Row, Run } from './result.ts';

interface AuthorizationRun {
  readonly run: Run;
  /** Of `dauth clients add`. */
  readonly flags: readonly string[];
}

const METADATA: Row = ['authorization-server-metadata-endpoint', 2];
const command = 'authorization --url ISSUER --client-id ID --resource URI';

export const AUTHORIZATION_RUNS: readonly AuthorizationRun[] = [
  {
    run: {
      title: 'The authority, to a client as any other',
      command,
      rows: [
        [
          'authorization-code-grant',
          0,
          ['authorization-code-grant FAILURE'],
          'The suite redeems the code without a DPoP proof (RFC 9449 §5); a token is bound to the key of its client, or there is none. Everything before that request passes.',
        ],
        METADATA,
      ],
    },
    flags: [],
  },
  {
    run: {
      title: 'The authority, to a client that an operator marked Bearer',
      command,
      rows: [['authorization-code-grant', 1], METADATA],
    },
    flags: ['--bearer'],
  },
];
