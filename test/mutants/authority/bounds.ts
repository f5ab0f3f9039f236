/** Defences of `authority`: its bounds and what ends an access, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from '../mutant.ts';

const ENVELOPE = 'test/dist/attacks/envelope.test.js';
const LATE = 'packages/authority/dist/api/late-writes.test.js';
const LIMITS = 'packages/authority/dist/oauth/limits.test.js';
const LONG_CALL = 'packages/authority/dist/oauth/long-call.test.js';
const PAGING = 'packages/authority/dist/api/paging.test.js';
const RUNNER = 'packages/authority/dist/oauth/runner.test.js';
const revokedWhile = (what: string): string =>
  `[revoke.fast] a caller revoked while its body comes in no longer ${what}`;

export const BOUNDS: readonly Mutant[] = [
  {
    claim: 'seal.bound',
    file: 'packages/authority/src/intake.ts',
    find: '  if (dauth.owner !== subject.sub)\n',
    replace: '  if (dauth.owner === "")\n',
    test: {
      file: ENVELOPE,
      name: '[seal.bound] an envelope stolen from the database is refused when another client submits it',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/authority/src/api/authenticate.ts',
    find: '    caller.assertLive();\n    return body();',
    replace: '    void caller;\n    return body();',
    test: { file: LATE, name: revokedWhile('stores a connection') },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/api/authenticate.ts',
    find: '    if (claims.exp + LIMITS.clockLeewaySeconds <= now())',
    replace: '    if (claims.exp + LIMITS.clockLeewaySeconds < 0)',
    test: {
      file: LATE,
      name: '[token.bound] a caller whose token ends while its body comes in no longer stores a connection',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/authority/src/api/connections.ts',
    find: '    return writeAs(authority, caller, () => {\n      const intake = check();',
    replace: '    void caller;\n    return store.transaction(() => {\n      const intake = check();',
    test: { file: LATE, name: revokedWhile('rotates a connection') },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/authority/src/api/registry.ts',
    find: '    writeAs(authority, caller, () => {\n      store.registry.putClient(client);\n      note(',
    replace: '    store.transaction(() => {\n      store.registry.putClient(client);\n      note(',
    test: { file: LATE, name: revokedWhile('registers a client') },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/authority/src/api/registry.ts',
    find: '    writeAs(authority, caller, () => {\n      store.registry.putClient(client);\n      const server',
    replace: '    store.transaction(() => {\n      store.registry.putClient(client);\n      const server',
    test: { file: LATE, name: revokedWhile('registers a server') },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/authority/src/api/registry.ts',
    find: '    const same = writeAs(authority, caller, () => {',
    replace: '    const same = store.transaction(() => {',
    test: { file: LATE, name: revokedWhile('gives a grant') },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/authority/src/api/registry.ts',
    find: '    writeAs(authority, caller, () => {\n      store.changes.revoke(body.what',
    replace: '    store.transaction(() => {\n      store.changes.revoke(body.what',
    test: { file: LATE, name: revokedWhile('revokes something') },
  },
  {
    claim: 'seal.bound',
    file: 'packages/authority/src/intake.ts',
    find: 'store.connections.isSealer(sub, org, sealedBy)) return;',
    replace: "sealedBy !== '') return;",
    test: {
      file: RUNNER,
      name: '[seal.bound] a runner cannot store what it sealed itself as an owner that gave it a grant',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/authority/src/store/registry.ts',
    find: 'WHERE coalesce(owner, client_id) = ? AND org',
    replace: 'WHERE coalesce(owner, client_id) <> ? AND org',
    test: {
      file: RUNNER,
      name: '[seal.bound] nor what it sealed with a key that nobody knows, or that of another owner',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/exchange.ts',
    find: '  if (!store.once.isWindowOf(',
    replace: '  if (store.once.isWindowOf(',
    test: { file: LONG_CALL, name: '[token.bound] a proof dated back does not give an ended token another window' },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/exchange.ts',
    find: 'windowEnd, grantEnd)',
    replace: 'windowEnd, Math.max(windowEnd, grantEnd))',
    test: {
      file: LONG_CALL,
      name: "[token.bound] a dispatch token does not outlive the owner's grant, nor is one given after it",
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/live.ts',
    find: 'grant === undefined || end <= now()',
    replace: 'grant === undefined && end <= now()',
    test: {
      file: LONG_CALL,
      name: "[token.bound] a dispatch token does not outlive the owner's grant, nor is one given after it",
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/exchange.ts',
    find: 'parseJson(asked, LIMITS.wishes)',
    replace: 'parseJson(asked, LIMITS.jsonBody)',
    test: { file: LIMITS, name: '[token.bound] an exchange reads no more than 32,768 characters of details' },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/details.ts',
    find: '  if (text.length > LIMITS.wishes &&',
    replace: '  if (text.length > LIMITS.jsonBody &&',
    test: {
      file: LIMITS,
      name: '[token.bound] details that carry no credential have at most 32,768 characters, and are not read beyond',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/authority/src/oauth/issue.ts',
    find: '(issue.dispatch === undefined ? LIMITS.exchangeRoom : 0)',
    replace: '(issue.dispatch === undefined ? 0 : 0)',
    test: {
      file: LIMITS,
      name: '[token.bound] the largest token that is issued can be exchanged: its dispatch token fits too',
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/authority/src/api/connections.ts',
    find: '    if (row.owner !== caller.sub) noteRead(',
    replace: "    if (row.owner === '') noteRead(",
    test: {
      file: PAGING,
      name: "[audit.complete] the operator's look at another owner's connections is noted, an owner's own is not",
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/authority/src/api/connections.ts',
    find: '    if (items.some((row) => row.owner !== caller.sub))',
    replace: "    if (items.some((row) => row.owner === ''))",
    test: {
      file: PAGING,
      name: "[audit.complete] the operator's look at another owner's connections is noted, an owner's own is not",
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/authority/src/api/audit.ts',
    find: '    authenticate(authority, c, ADMIN);\n    const before',
    replace: '    authenticate(authority, c);\n    const before',
    test: {
      file: PAGING,
      name: '[audit.complete] the operator reads what was done to the authority, newest first, page by page',
    },
  },
];
