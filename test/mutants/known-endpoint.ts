/** That known token endpoints are never a target, each defence with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const KNOWN = 'packages/protocol/dist/known-endpoint.test.js';
const WHERE = 'packages/executor/dist/where/token-endpoints.test.js';
const VERDICT = 'packages/cli/dist/verdict.test.js';
const SEAL = 'packages/client/dist/seal.test.js';
const is = (url: string): string => `[response.clean] vector: ${url} is a known token endpoint`;

export const KNOWN_ENDPOINT: readonly Mutant[] = [
  ...of('protocol', 'known-endpoint', KNOWN, [
    [
      'response.clean',
      'const read = loosePath(path);',
      'const read = path.length > 0 ? path : loosePath(path);',
      is('https://api.example/OAuth/Token'),
    ],
    [
      'response.clean',
      'segments.slice(-1 - FURTHEST, -1)',
      'segments.slice(1 - FURTHEST, -1)',
      is('https://api.example/oauth2/default/v1/token'),
    ],
    [
      'response.clean',
      '.replace(EXTENSION, ',
      '.replace(EXTENSION.source, ',
      is('https://api.example/oauth/token.json'),
    ],
    [
      'response.clean',
      "want === '*' || want === parts[at]",
      'want === parts[at]',
      is('https://sts.eu-west-1.amazonaws.com/'),
    ],
  ]),
  ...of('executor', 'where/target', WHERE, [
    [
      'response.clean',
      'for (const sent of [path, withSlot(path, permit.policy.inject)])',
      'for (const sent of [withSlot(path, permit.policy.inject)].slice(1))',
      '[response.clean] no path of a host that answers with credentials is a target',
    ],
    [
      'response.clean',
      '[path, withSlot(path, permit.policy.inject)]',
      '[path, withSlot(path, [])]',
      '[response.clean] a path that is a token endpoint once the credential is in it is no target',
    ],
  ]),
  ...of('cli', 'verdict', VERDICT, [
    [
      'response.clean',
      '    if (rules.capture === undefined) assertNoTokenEndpoint(to, parts.path);\n',
      '    if (raw === "") assertNoTokenEndpoint(to, parts.path);\n',
      '[response.clean] policy test: a known token endpoint is denied whatever the rules say, by the rule that knows it',
    ],
  ]),
  ...of('client', 'seal', SEAL, [
    [
      'response.clean',
      '    if (capture === undefined) assertNoKnownTarget(allow);\n',
      '    assertNoKnownTarget([]);\n',
      '[response.clean] a policy that names a known token endpoint is not sealed',
    ],
  ]),
];
