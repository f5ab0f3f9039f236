/** Defences of `authority`: what its token endpoint refuses, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, test, rows);
const unit = (noun: string): string => `packages/authority/dist/${noun}.test.js`;

const EXCHANGE: readonly Mutant[] = of('oauth/exchange', unit('oauth/exchange'), [
  [
    'token.bound',
    'if (!store.once.claimWindow(windowKey, server.client_id,',
    'if (!store.once.claimWindow(windowKey, server.client_id.slice(0, 0),',
    '[token.bound] a call whose window another server opened is refused there, and goes on with the first',
  ],
  [
    'token.bound',
    'if (isNarrower(details, subject.details)) return details;',
    'if (isNarrower([], subject.details)) return details;',
    '[token.bound] an exchange gives the same or less, never more',
  ],
  [
    'token.bound',
    'if (by.proof === null || by.proof.jkt !== by.client.jkt) {',
    "if (by.proof?.jkt === '') {",
    '[token.bound] a server proves the key it authenticates with, not another',
  ],
  [
    'token.bound',
    'if (window.windowEnd <= now())',
    'if (window.windowEnd <= 0)',
    '[token.bound] after the window of its call nothing is exchanged, though the token lives on',
  ],
  [
    'token.bound',
    'exp: Math.min(now() + config.lifetimes.dispatchToken, windowEnd, grantEnd),',
    'exp: Math.min(now() + config.lifetimes.dispatchToken, grantEnd),',
    '[token.bound] a dispatch token ends with the window of its call',
  ],
  [
    'token.bound',
    'exp: Math.min(now() + config.lifetimes.dispatchToken, windowEnd, grantEnd),',
    'exp: Math.min(now() + 1_000, windowEnd, grantEnd),',
    '[token.bound] an exchange gives exactly the dispatch token the protocol describes',
  ],
  [
    'token.bound',
    '      htu: audience,\n',
    "      htu: String(JSON.parse(Buffer.from(subjectDpop.split('.')[1] ?? '', 'base64url').toString()).htu),\n",
    '[token.bound] a carried proof made for another URL is refused',
  ],
  [
    'token.bound',
    '      accessToken: token,\n',
    '',
    '[token.bound] a carried proof without ath, or with that of another token, is refused',
  ],
  [
    'token.bound',
    '      jkt,\n',
    '      jkt: [jkt, server.client_id, authority.store.registry.client(server.client_id)?.jkt ?? server.resource],\n',
    "[token.bound] a carried proof by another key than the token's is refused",
  ],
  [
    'token.bound',
    'needResource(form) === executor &&',
    "needResource(form) !== '' &&",
    '[token.bound] an exchange that asks with the resource of a server is refused',
  ],
  [
    'token.bound',
    '(form.audience === undefined || form.audience === executor)',
    "(form.audience === undefined || form.audience !== '')",
    '[token.bound] an exchange that asks with another audience is refused',
  ],
  [
    'token.bound',
    'if (form.scope !== undefined)',
    "if (form.scope === '')",
    '[token.bound] an exchange that asks with a scope is refused',
  ],
  [
    'token.bound',
    'form.requested_token_type !== ACCESS_TOKEN_TYPE)',
    "form.requested_token_type === '')",
    '[token.bound] an exchange that asks with another type of token is refused',
  ],
  [
    'token.bound',
    'form.actor_token !== undefined ||',
    "form.actor_token === '' ||",
    '[token.bound] an exchange that asks with an actor token of no type is refused',
  ],
  [
    'token.bound',
    '|| form.actor_token_type !== undefined;',
    "|| form.actor_token_type === '';",
    '[token.bound] an exchange that asks with the type of an actor token alone is refused',
  ],
  [
    'token.bound',
    "if (need(form, 'subject_token_type') !== ACCESS_TOKEN_TYPE ||",
    "if (need(form, 'subject_token_type') === '' ||",
    '[token.bound] an exchange that asks with a subject of another type is refused',
  ],
  [
    'revoke.fast',
    '    token: subject.jti,\n',
    '',
    '[revoke.fast] after a revoked token no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    grant: subject.grant_id,\n',
    '',
    '[revoke.fast] after a revoked grant no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    client: subject.client_id,\n',
    '',
    '[revoke.fast] after a revoked client no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    owner: subject.sub,\n',
    '',
    '[revoke.fast] after a revoked owner no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '    org: subject.org,\n  };',
    '  };',
    '[revoke.fast] after a revoked org no call is exchanged, not even inside its window',
  ],
  [
    'revoke.fast',
    '{ ...ids, server: server.resource }',
    "{ ...ids, ...(server.resource === '' ? { server: '' } : {}) }",
    '[revoke.fast] after a revoked server no call is exchanged, not even inside its window',
  ],
]);

const DETAILS: readonly Mutant[] = of('oauth/details', unit('oauth/details'), [
  [
    'token.bound',
    'if (!detailWithinAllow({ locations, actions }, policy.allow))',
    'if (!detailWithinAllow({ locations, actions: [] }, policy.allow))',
    '[token.bound] a narrower detail is given as it was asked for, a wider one is refused',
  ],
  [
    'seal.bound',
    'if (!policy.servers.includes(resource))',
    "if (resource === '')",
    '[seal.bound] no token for a server that the credential was not sealed for names it',
  ],
  [
    'seal.bound',
    'if (policy.exp <= now ||',
    'if (',
    '[seal.bound] a credential is named only within the time it was sealed for',
  ],
  [
    'seal.bound',
    ' || policy.iat > now + LIMITS.clockLeewaySeconds)',
    ')',
    '[seal.bound] a credential is named only within the time it was sealed for',
  ],
  [
    'seal.bound',
    'if (policy.pin?.jkt !== undefined && !isPinnedTo(policy, jkt))',
    "if (policy.pin?.jkt !== undefined && jkt === '')",
    '[seal.bound] a pinned credential is named only for a key in its pin',
  ],
  [
    'seal.bound',
    'if (policy.owner !== own.sub && !isPinnedTo(policy, jkt))',
    "if (policy.owner !== own.sub && jkt === '')",
    '[seal.bound] a runner cannot name what is not pinned to its key, whatever it was granted',
  ],
  [
    'token.bound',
    " || row.status !== 'active')",
    ')',
    "[token.bound] a missing, another owner's, suspended, revoked and deleted connection are one answer",
  ],
  [
    'token.bound',
    'if (details.length > LIMITS.details)',
    'if (details.length > 99)',
    'a token names at most eight details, counted after the rules of each connection were written out',
  ],
]);

const GRANTING: readonly Mutant[] = of('oauth/client-credentials', unit('oauth/details'), [
  [
    'token.bound',
    "if (!isOwn) throw new OAuthError('invalid_authorization_details', NO_SUCH);",
    "if (!isOwn && authority.now() < 0) throw new OAuthError('invalid_authorization_details', NO_SUCH);",
    "[token.bound] a runner without the owner's grant for this server cannot name a pinned credential",
  ],
  [
    'token.bound',
    'exp: Math.min(now() + config.lifetimes.accessToken, endOf(authority, grant)),',
    'exp: Math.min(now() + config.lifetimes.accessToken, endOf(authority, { ...grant, expires_at: null })),',
    "[token.bound] a runner's grant ends when it expires, and its tokens end with it",
  ],
  [
    'token.bound',
    'if (resource === config.issuer && asked.credentials.length + asked.wishes.length > 0) {',
    "if (resource === '') {",
    '[token.bound] a token for the authority itself names no connections',
  ],
]);

export const OAUTH: readonly Mutant[] = [...EXCHANGE, ...DETAILS, ...GRANTING];
