/** Defences of `cli`, the command line, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const FILES = 'packages/cli/dist/files.test.js';
const HOSTILE = 'packages/cli/dist/authority.test.js';
const EXITS = 'packages/cli/dist/exits.test.js';
const VERDICT = 'packages/cli/dist/verdict.test.js';
const BLIND = 'test/dist/attacks/blind.test.js';
const WIRE = 'test/dist/attacks/wire.test.js';
const ROTATE = 'test/dist/attacks/rotate.test.js';

const ELSEWHERE =
  '[seal.bound] a device that did not seal a login takes that from its seal alone, before a whole policy takes its place';

const START = 'packages/cli/dist/start.test.js';

/** Whoever starts both rooms could read the file of the one for the other. */
const OPENING_KEY = "readFileSync(join(home.dir, 'executor', 'opening.jwk'), 'utf8')";

export const CLI: readonly Mutant[] = [
  {
    claim: 'dispatch.bound',
    file: 'packages/cli/src/environment.ts',
    find: '    if (env[name] !== undefined) throw',
    replace: '    if (env[name] === why) throw',
    test: {
      file: START,
      name: '[dispatch.bound] NODE_TLS_REJECT_UNAUTHORIZED ends dauth start and dauth serve with exit 2 and what to unset',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/cli/src/serve.ts',
    find: '  checkEnvironment(process.env, ',
    replace: '  if (file.length === 0) checkEnvironment(process.env, ',
    test: {
      file: START,
      name: '[dispatch.bound] NODE_USE_ENV_PROXY ends dauth start and dauth serve with exit 2 and what to unset',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/cli/src/serve.ts',
    find: '  assertFileAlone(process.env);\n',
    replace: '',
    test: {
      file: START,
      name: '[dispatch.bound] what an operator says in a variable is never ignored: a room alone ends with exit 2 and what to do',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/cli/src/rooms.ts',
    find: "'TMPDIR', 'SystemRoot']",
    replace: "'TMPDIR', 'SystemRoot', 'HTTPS_PROXY']",
    test: {
      file: START,
      name: '[dispatch.bound] a proxy of the environment reaches no room, and dauth start and dauth serve say so',
    },
  },
  {
    claim: 'authority.blind',
    file: 'packages/cli/src/start.ts',
    find: '    const authority = await startRoom(',
    // One of the names that a room inherits.
    replace: `    process.env.HOME = ${OPENING_KEY};\n    const authority = await startRoom(`,
    test: {
      file: BLIND,
      name: '[memory.clean] [authority.blind] [server.blind] the key that opens is in the executor and in no other process, in any encoding',
    },
  },
  {
    claim: 'authority.blind',
    file: 'packages/cli/src/start.ts',
    find: 'executor: resource, database })',
    replace: `executor: resource, database, key: ${OPENING_KEY} })`,
    test: {
      file: WIRE,
      name: '[authority.blind] the key that opens is in the files of the executor, in no other file and in no log',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/cli/src/connect.ts',
    find: ', atLeast: known.ver }',
    replace: ' }',
    test: {
      file: ROTATE,
      name: '[seal.bound] an older version, whose policy may have been wider, is not sealed again',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/cli/src/connect.ts',
    find: 'if (known.sealers.length === 0) await verify();',
    replace: 'if (known.ver > 9) await verify();',
    test: { file: ROTATE, name: ELSEWHERE },
  },
  {
    claim: 'seal.bound',
    file: 'packages/cli/src/connect.ts',
    find: ' noteCaptured(seals, [handle]);',
    replace: ' noteCaptured(seals, []);',
    test: { file: ROTATE, name: ELSEWHERE },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/cli/src/memory.ts',
    find: "    if (codeOf(error) === 'ENOENT') return undefined;\n    throw lost();",
    replace: "    return codeOf(error) === '' ? '' : undefined;",
    test: {
      file: FILES,
      name: '[seal.client-only] a memory that cannot be read whole is an integrity failure, never an empty one',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/cli/src/memory.ts',
    find: '  if (lines.length === 0) throw lost();\n',
    replace: '',
    test: {
      file: FILES,
      name: '[seal.client-only] a memory that cannot be read whole is an integrity failure, never an empty one',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/cli/src/memory.ts',
    find: '      return number >= (highest().get(name) ?? 0);',
    replace: '      return number >= seen;',
    test: {
      file: FILES,
      name: '[seal.client-only] two commands at once do not take back what the other remembers',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/cli/src/files.ts',
    find: ' && (fstatSync(file).mode & 0o077) !== 0)',
    replace: ' && fstatSync(file).mode === 0)',
    test: { file: FILES, name: '[token.bound] a key file that others can read is refused, with what to do' },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/cli/src/output.ts',
    find: 'const message = printable(error.publicMessage)',
    replace: 'const message = error.publicMessage',
    test: {
      file: HOSTILE,
      name: '[seal.client-only] a sentence of a hostile authority reaches the terminal as text and as nothing else',
    },
  },
  {
    claim: 'seal.client-only',
    file: 'packages/cli/src/output.ts',
    find: 'printableLines(people())',
    replace: 'people()',
    test: {
      file: HOSTILE,
      name: '[seal.client-only] what a hostile authority lists is shown as text and as nothing else',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/cli/src/reach.ts',
    find: '  given(flag, value, parseSecureUrl);\n',
    replace: "  given(flag, value === '' ? '' : 'https://a.example', parseSecureUrl);\n",
    test: { file: EXITS, name: 'an authority over plain http ends with 2' },
  },
  {
    claim: 'token.bound',
    file: 'packages/cli/src/registry.ts',
    find: "given('--resource', flags.resource, parseSecureUrl)",
    replace: "given('--resource', flags.resource, (value) => (value === '' ? parseSecureUrl(value) : flags.resource))",
    test: { file: EXITS, name: 'a server over plain http ends with 2' },
  },
  {
    claim: 'token.bound',
    file: 'packages/cli/src/key-file.ts',
    find: '    rmSync(path, { force: true });\n',
    replace: '    rmSync(`${path}.none`, { force: true });\n',
    test: {
      file: EXITS,
      name: 'a code reaches the exit status of the process, and a refused registration leaves no key file',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/cli/src/verdict.ts',
    find: 'method: asked, ...parts, ...readBody',
    replace: "method: asked, ...parts, query: '', ...readBody",
    test: {
      file: VERDICT,
      name: '[dispatch.bound] policy test: a query that the rule does not list is denied, and said to be why',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/cli/src/verdict.ts',
    find: 'const both = { allowed: token.isAllowed,',
    replace: 'const both = { allowed: true,',
    test: {
      file: VERDICT,
      name: '[token.bound] policy test: what the policy allows and the token does not is denied by the token',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/cli/src/rules.ts',
    find: '...{ allow, details, handle, spki },',
    replace: '...{ allow, details, handle: details?.[0]?.identifier ?? handle, spki },',
    test: {
      file: VERDICT,
      name: '[token.bound] policy test: the details of another connection than the envelope allow nothing',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/cli/src/verdict.ts',
    find: '/^([^/?#]*\\/\\/[^/?#]*)(\\/[^#]*)$/s.exec(url)',
    replace: "/^([^/?#]*\\/\\/[^/?#]*)(\\/[^#]*)$/s.exec(url.replace('/a/..', ''))",
    test: {
      file: VERDICT,
      name: '[dispatch.bound] policy test: /a/../user is taken as it stands, and denied whatever the rules say',
    },
  },
];
