/** Defences of an exchanged key, as Google's SDK and a stand-in for Google see them. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const ACCOUNT = 'test/dist/e2e/service-account.test.js';

export const SERVICE_ACCOUNT: readonly Mutant[] = [
  ...of('executor', 'secret/assertion', ACCOUNT, [
    [
      'dispatch.bound',
      '"exp":${now + lifetime},',
      '"exp":${now + lifetime * 60},',
      "[dispatch.bound] Google's SDK creates, lists, gets and deletes files by one token, which the executor asked for",
    ],
  ]),
  ...of('executor', 'secret/inject', ACCOUNT, [
    [
      'server.blind',
      'const secrets: Buffer[] = [...opened];',
      'const secrets: Buffer[] = [...opened].slice(1);',
      '[server.blind] neither key nor token is in anything that the server holds or was answered',
    ],
  ]),
];
