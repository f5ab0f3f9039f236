/** Defences of `authority`: what it stores and for whom, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const STORE: readonly Mutant[] = [
  ...of('store/grants', unit('oauth/details'), [
    [
      'token.bound',
      'const LIVE = `(expires_at IS NULL OR expires_at > ?)',
      'const LIVE = `(expires_at IS NULL OR expires_at > 0 * ?)',
      "[token.bound] a runner's grant ends when it expires, and its tokens end with it",
    ],
  ]),
];

const SUBMISSIONS: readonly Mutant[] = of('intake', unit('intake'), [
  [
    'seal.bound',
    'if (dauth.iss !== config.issuer)',
    'if (dauth.iss === config.org)',
    '[seal.bound] an envelope sealed for another authority is not stored',
  ],
  [
    'seal.bound',
    'if (dauth.owner !== subject.sub)\n',
    "if (dauth.owner === '')\n",
    '[seal.bound] an envelope sealed by another owner is not stored',
  ],
  [
    'seal.bound',
    'if (dauth.org !== subject.org)',
    "if (dauth.org === '')",
    '[seal.bound] an envelope sealed in another organisation is not stored',
  ],
  [
    'seal.bound',
    'if (dauth.exp <= time)',
    'if (dauth.exp <= 0)',
    '[seal.bound] an envelope sealed for a time that has passed is not stored',
  ],
  [
    'seal.bound',
    "  if (ver !== 1) throw new DAuthError('CONFLICT', 'The first version of a connection is 1.');\n",
    '',
    '[seal.bound] an envelope sealed as a later version than the first is not stored',
  ],
  [
    'seal.bound',
    'directory.keys.find((each) => each.kid === kid)',
    "directory.keys.find((each) => each.kid !== '' || kid === '')",
    '[seal.bound] an envelope for a key that the directory does not list is not stored',
  ],
  [
    'seal.bound',
    ' || key.alg !== alg',
    " || key.alg === 'HPKE-7' || alg === 'HPKE-7'",
    '[seal.bound] an envelope for a key that is of another suite is not stored',
  ],
  ['seal.bound', ' || key.nbf > time', '', '[seal.bound] an envelope for a key that is not valid yet is not stored'],
  [
    'seal.bound',
    ' || key.exp <= time)',
    ')',
    '[seal.bound] an envelope for a key that is no longer valid is not stored',
  ],
  [
    'seal.bound',
    'const { jkt } = verifySealProof(submission.seal_proof, { handle, ver, envelope: submission.envelope });',
    "const jkt = ver === 0 ? verifySealProof(submission.seal_proof, { handle, ver, envelope: '' }).jkt : envelope.header.kid;",
    '[seal.bound] a seal proof for another envelope, version or handle stores nothing',
  ],
  [
    'seal.bound',
    "if (!isSame(authority, existing, submission, subject)) throw new DAuthError('CONFLICT');",
    "if (existing.handle !== handle) throw new DAuthError('CONFLICT');",
    '[seal.bound] other octets under a handle that is taken are a conflict, by its owner or anybody',
  ],
  [
    'seal.bound',
    'if (existing.deleted_at !== null || existing.owner',
    'if (existing.deleted_at !== null) return true;\n  if (existing.owner',
    '[seal.bound] a handle that was deleted stays taken, also for its own octets',
  ],
  [
    'seal.bound',
    'if (store.connections.isNameTaken(subject.sub, subject.org, name)) {',
    "if (store.connections.isNameTaken('', subject.org, name)) {",
    'a name is one connection of an owner, and free again when that is revoked or deleted',
  ],
  [
    'seal.bound',
    'endorsements: [], trusted: [jkt], reseal: null };',
    'endorsements: submission.endorsements ?? [], trusted: [jkt], reseal: null };',
    '[seal.bound] what comes with the first version as an endorsement makes no key trusted',
  ],
  [
    'seal.bound',
    'stored === undefined || ver !== current.ver + 1)',
    'stored === undefined || ver <= 1)',
    '[seal.bound] a rotation that is not the very next version is refused',
  ],
  [
    'seal.bound',
    'trusted: stored.trusted, endorsements: fresh }',
    'trusted: [...stored.trusted, verifySealProof(submission.seal_proof, { handle, ver, envelope: submission.envelope }).jkt], endorsements: fresh }',
    '[seal.bound] a rotation sealed by a key nobody vouched for is refused',
  ],
  [
    'seal.bound',
    '[...new Set([...stored.endorsements, ...fresh])]',
    '[...fresh]',
    '[seal.bound] a key that a trusted one signed for may seal the next version, and vouch for another',
  ],
  [
    'seal.bound',
    'if (endorsements.length > LIMITS.details) {',
    'if (endorsements.length > LIMITS.details * 9) {',
    'a chain of more than eight sealing keys is refused with what to do instead',
  ],
  [
    'seal.bound',
    'if (handle !== current.handle || connection !== current.name) {',
    'if (connection !== current.name) {',
    '[seal.bound] a rotation keeps handle and name',
  ],
  [
    'seal.bound',
    'if (handle !== current.handle || connection !== current.name) {',
    "if (handle !== current.handle || connection === '') {",
    '[seal.bound] a rotation keeps handle and name',
  ],
  [
    'revoke.fast',
    "  if (current.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');\n",
    '',
    '[revoke.fast] a revoked connection is not brought back by a rotation, and a suspended one stays suspended',
  ],
]);

export const INTAKE: readonly Mutant[] = [...STORE, ...SUBMISSIONS];
