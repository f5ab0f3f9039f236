/** Defences of `client`, the owner's device, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const WIRE = 'test/dist/attacks/wire.test.js';
const EXAMPLES = 'test/dist/e2e/examples.test.js';
const BLIND = 'test/dist/attacks/blind.test.js';

/** Seals nothing: what is stored and sent is the plaintext. */
const UNSEALED = {
  file: 'packages/client/src/seal.ts',
  find: '    return await suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });',
  replace:
    '    const sealed = await suite.Seal(publicKey, plaintext, { aad: encodeUtf8(protectedSegment) });\n    sealed.ciphertext.set(plaintext);\n    return sealed;',
};

const DIRECTORY = 'packages/client/dist/directory.test.js';
const SEALED = 'packages/client/dist/sealed.test.js';
const SEAL = 'packages/client/dist/seal.test.js';
const TOKENS = 'packages/client/dist/tokens.test.js';

export const CLIENT: readonly Mutant[] = [
  {
    claim: 'seal.client-only',
    file: 'examples/agent-runner/device.ts',
    find: 'const sealed = await seal({\n  executor,\n  key,\n  fields: { token: await buffer(process.stdin) },',
    // Often: what a process has forgotten is sooner or later written over.
    replace:
      "const token = await buffer(process.stdin);\nconst body = JSON.stringify({ tool: token.toString('latin1') });\nfor (let i = 0; i < 100; i++) await (await fetch(RUNNER_URL!, { method: 'POST', body })).text();\nconst sealed = await seal({\n  executor,\n  key,\n  fields: { token },",
    test: {
      file: EXAMPLES,
      name: '[seal.client-only] [memory.clean] an agent runner serves a device with credentials sealed elsewhere and can open nothing',
    },
  },
  {
    claim: 'seal.client-only',
    ...UNSEALED,
    test: { file: WIRE, name: '[seal.client-only] between the owner and the authority travels no credential' },
  },
  {
    claim: 'authority.blind',
    ...UNSEALED,
    test: {
      file: WIRE,
      name: '[authority.blind] no file and no log of the stack holds the credential in any encoding',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: '  if (!pins.includes(identity)) throw',
    replace: '  if (pins.length > 9) throw',
    test: {
      file: BLIND,
      name: '[seal.client-only] without the pinned executor identity nothing is sealed or sent, and the exit code is 3',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: '  if (directory.exp <= now) throw',
    replace: '  if (directory.exp < 0) throw',
    test: {
      file: 'packages/client/dist/directory.test.js',
      name: '[seal.client-only] an expired directory is refused, and nothing more is asked',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/seal.ts',
    find: '    for (const value of Object.values(input.fields)) if (value instanceof Uint8Array) value.fill(0);\n',
    replace: '',
    test: {
      file: 'packages/client/dist/seal.test.js',
      name: '[seal.client-only] the octets that were given are zero afterwards, sealed or refused',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: '    if (seq > seen) this.#seen.set(identity, seq);',
    replace: '    this.#seen.set(identity, seq);',
    test: {
      file: DIRECTORY,
      name: '[seal.client-only] a memory of numbers never goes back, whatever order they come in',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: '  if (!(await options.seqStore.advance(identity, directory.seq)))',
    replace: '  if (!(await options.seqStore.advance(identity, directory.seq)) && now < 0)',
    test: { file: DIRECTORY, name: '[seal.client-only] a lower number than one seen before is refused' },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: 'filter((key) => key.nbf <= now && now < key.exp)',
    replace: 'filter((key) => now < key.exp)',
    test: {
      file: DIRECTORY,
      name: '[seal.client-only] a key whose time has not come is refused, and nothing more is asked',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/directory.ts',
    find: 'filter((key) => key.nbf <= now && now < key.exp)',
    replace: 'filter((key) => key.nbf <= now)',
    test: {
      file: DIRECTORY,
      name: '[seal.client-only] a key whose time is over is refused, and nothing more is asked',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/jws.ts',
    find: "    if (typeof alg !== 'string' || !algorithms.includes(alg))",
    replace: "    if (typeof alg !== 'string' || algorithms.length > 9)",
    test: { file: DIRECTORY, name: '[seal.client-only] an unsigned JWS is refused, and nothing more is asked' },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/client/src/jws.ts',
    find: '    if (header.typ !== typ || extra)',
    replace: "    if ((header.typ !== typ && typ === '') || extra)",
    test: { file: DIRECTORY, name: '[seal.client-only] another kind of JWS is refused, and nothing more is asked' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/sealed.ts',
    find: '  if (!trusted.has(jkt)) throw denied(',
    replace: '  if (trusted.size > 99) throw denied(',
    test: {
      file: SEALED,
      name: '[seal.bound] an envelope of another policy with a proof by a key of the authority is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/sealed.ts',
    find: '  if (handle !== expected.handle) throw',
    replace: "  if (handle === '') throw",
    test: { file: SEALED, name: '[seal.bound] another connection of the same owner is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/sealed.ts',
    find: '  if (policy.iss !== expected.issuer)',
    replace: "  if (policy.iss === '')",
    test: { file: SEALED, name: '[seal.bound] an envelope for another authority is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/sealed.ts',
    find: 'if (base.ver < (expected.atLeast ?? 0))',
    replace: 'if (base.ver < 0)',
    test: { file: SEALED, name: '[seal.bound] an older version than one seen before is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/sealed.ts',
    find: ' || said.sha256 !== base.sha256',
    replace: " || said.sha256 === (await sha256(''))",
    test: { file: SEALED, name: '[seal.bound] the header of another policy over the same ciphertext is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/sealed.ts',
    find: ' && trusted.has(jkt))',
    replace: " && jkt !== '')",
    test: {
      file: SEALED,
      name: '[seal.bound] a version by a device this key vouched for is believed, one by a device that vouches for itself is not',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/client/src/seal.ts',
    find: 'policy.servers.map(parseSecureUrl)',
    replace: "policy.servers.map((server) => (server === '' ? parseSecureUrl(server) : server))",
    test: {
      file: SEAL,
      name: '[seal.bound] nothing is sealed for a server over plain http, but on this machine itself',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/tokens.ts',
    find: '    assertSecure(wanted.resource);\n',
    replace: "    if (wanted.resource === '') assertSecure(wanted.resource);\n",
    test: {
      file: TOKENS,
      name: '[token.bound] no token is asked for, and no fetch made, for a resource over plain http',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/fetch.ts',
    find: '  assertSecure(wanted.resource);\n',
    replace: "  if (wanted.resource === '') assertSecure(wanted.resource);\n",
    test: {
      file: TOKENS,
      name: '[token.bound] no token is asked for, and no fetch made, for a resource over plain http',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/issuer.ts',
    find: '    assertSecure(address);\n',
    replace: '',
    test: {
      file: TOKENS,
      name: '[token.bound] an authority on this machine cannot send the client to a token endpoint over plain http',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/issuer.ts',
    find: '    assertSecure(address);\n',
    replace: '',
    test: {
      file: 'packages/client/dist/assertion.test.js',
      name: '[token.bound] what is said of a client is not even asked for where it would travel over plain http',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/issuer.ts',
    find: "(protocol === 'http:' && LOOPBACK.test(hostname))",
    replace: "(protocol === 'http:' && (LOOPBACK.test(hostname) || hostname !== ''))",
    test: { file: TOKENS, name: '[token.bound] https goes anywhere, http to this machine only' },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/tokens.ts',
    find: "  if (answer.token_type !== 'dpop')",
    replace: "  if (answer.token_type === '')",
    test: { file: TOKENS, name: '[token.bound] a token that is not bound to the key is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/client/src/fetch.ts',
    find: '    url.origin !== resource.origin ||',
    replace: '',
    test: { file: TOKENS, name: '[token.bound] a token goes to its resource and to nothing beside it' },
  },
];
