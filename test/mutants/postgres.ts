/** Defences of passwords that log in to databases, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const SCHEME = test('protocol', 'scheme-postgres');
const SESSION = test('executor', 'session');
const LOGIN = test('executor', 'postgres/login');
const RELAY = test('executor', 'postgres/relay');
const MEMORY = test('executor', 'postgres/memory');
const STREAM = test('mcp', 'postgres');
const scanned = (what: string): string =>
  `[response.clean] a row, an error and a notice with ${what} are starred out (READ)`;
const clean = (auth: string): string =>
  `[memory.clean] leaves no copy of a password of a database, nor of a key made of it, by ${auth}`;
const ends = (what: string): string => `[dispatch.bound] ${what} end a session that only reads`;

export const POSTGRES: readonly Mutant[] = [
  ...of('protocol', 'scheme-postgres', SCHEME, [
    [
      'seal.bound',
      '    if (isDatabase !== hasLogin)\n',
      '    if (isDatabase && !hasLogin)\n',
      '[seal.bound] a password of a database goes to databases only, and nothing else goes there',
    ],
    [
      'seal.bound',
      '    if (rule.paths.some((path) => databaseOf(path) === undefined))\n',
      '    if (rule.paths.every((path) => databaseOf(path) === undefined))\n',
      '[seal.bound] a rule for a database has READ and WRITE, exact names, and nothing of HTTP',
    ],
    [
      'seal.bound',
      '  if (password !== `{${namedFields([password])[0]}}`)\n',
      '  if (password === "")\n',
      '[seal.bound] a login with a password with text around it is refused',
    ],
  ]),
  ...of('protocol', 'inject', SCHEME, [
    [
      'seal.bound',
      '  if (loginOf(injections) !== undefined && injections.length > 1)\n',
      '  if (loginOf(injections) !== undefined && injections.length > 9)\n',
      '[seal.bound] a login stands alone: nothing is put into a session',
    ],
  ]),
  ...of('executor', 'session', SESSION, [
    [
      'dispatch.bound',
      '    assertOperatorAllows(\n',
      '    ((..._: readonly unknown[]) => undefined)(\n',
      '[dispatch.bound] an operator who denies the host is obeyed by sessions, before anything is opened',
    ],
    [
      'dispatch.bound',
      'limits = await deps.useLimits.take(permitted.policy);',
      'limits = [];',
      '[dispatch.bound] a sealed rate holds for sessions, and their answers say how it stands',
    ],
  ]),
  ...of('executor', 'where/session', SESSION, [
    [
      'dispatch.bound',
      '  if (!allowsRequest(permit.policy.allow, target))\n',
      '  if (!allowsRequest(permit.policy.allow, target) && origin === path)\n',
      '[dispatch.bound] what neither policy nor token allows opens no session',
    ],
    [
      'dispatch.bound',
      '  if (!detailAllows(permit.caller.claims.details, permit.handle, target))\n',
      '  if (!detailAllows(permit.caller.claims.details, permit.handle, target) && origin === path)\n',
      '[dispatch.bound] what neither policy nor token allows opens no session',
    ],
  ]),
  ...of('executor', 'where/target', SESSION, [
    [
      'dispatch.bound',
      "  if (originParts(origin).scheme === 'postgres')\n",
      "  if (originParts(origin).host === 'postgres')\n",
      '[dispatch.bound] a database takes no requests, and an API no sessions',
    ],
  ]),
  ...of('executor', 'postgres/startup', SESSION, [
    [
      'dispatch.bound',
      '    if (!PASSED_ON.has(name) && !OURS.has(name))\n',
      '    if (!PASSED_ON.has(name) && name === "")\n',
      '[dispatch.bound] a driver that begins with options for the server is refused, and nothing is opened',
    ],
    [
      'dispatch.bound',
      '  if (named !== undefined && named !== database && ',
      '  if (named !== undefined && named === database && ',
      '[dispatch.bound] a driver that begins with another database is refused, and nothing is opened',
    ],
  ]),
  ...of('executor', 'postgres/keys', SESSION, [
    [
      'dispatch.bound',
      '    if (running?.key === key && isSame(running.standing, asker)) await',
      '    if (running?.key === key) await',
      '[dispatch.bound] a statement is stopped by the key of its session, over the same connection only',
    ],
    [
      'dispatch.bound',
      '    if (running?.key === key && isSame(running.standing, asker)) await',
      '    if (running && isSame(running.standing, asker)) await',
      '[dispatch.bound] a statement is stopped by the key of its session, over the same connection only',
    ],
  ]),
  ...of('executor', 'postgres/connect', LOGIN, [
    [
      'dispatch.bound',
      'if (answer.length === 1 && answer[0] === YES) ready();',
      'if (answer[0] === YES) ready();',
      '[dispatch.bound] a server that says more than that before TLS is told nothing',
    ],
    [
      'dispatch.bound',
      '    checkServerIdentity: (_, certificate) => checkServerName(address.host, certificate.raw),\n',
      '    checkServerIdentity: () => undefined,\n',
      '[dispatch.bound] a server with the certificate of another name is told nothing',
    ],
  ]),
  ...of('executor', 'postgres/login', LOGIN, [
    [
      'dispatch.bound',
      "code === MD5 && login.auth.includes('md5') && ",
      'code === MD5 && ',
      '[dispatch.bound] a server that wants md5 where SCRAM was sealed gets no proof',
    ],
    [
      'dispatch.bound',
      "    if (this.#step === 'proven' && code === OK)",
      '    if (code === OK)',
      '[dispatch.bound] a server that does not know the password is no server of it',
    ],
    [
      'dispatch.bound',
      '    if (!isRight)\n',
      '    if (!isRight && given.length === 0)\n',
      '[dispatch.bound] a server that does not know the password is no server of it',
    ],
    [
      'dispatch.bound',
      'iterations < ITERATIONS.least || ',
      '',
      '[dispatch.bound] a password that was hashed in 4095 rounds is not proven',
    ],
    [
      'dispatch.bound',
      ' || iterations > ITERATIONS.most',
      '',
      '[dispatch.bound] a password that was hashed in 32769 rounds is not proven',
    ],
    [
      'dispatch.bound',
      '    if (this.#request.isReadOnly && !this.#parameters.some(isSixteen))\n',
      '    if (this.#request.isReadOnly && this.#parameters.length === 0)\n',
      '[dispatch.bound] a server that says it is 9.6.1 opens no session that only reads',
    ],
    [
      'dispatch.bound',
      '    if (this.#request.isReadOnly && !isOrdinary)\n',
      '    if (this.#request.isReadOnly && !isOrdinary && this.#key.length === 1)\n',
      '[dispatch.bound] a superuser gets no session that only reads',
    ],
    [
      'revoke.fast',
      '    this.#request.beforeSend();\n',
      '',
      '[revoke.fast] what was revoked while the server took its time is not proven',
    ],
  ]),
  ...of('executor', 'secret/password', LOGIN, [
    [
      'response.clean',
      '    if (password.length < LIMITS.guessableValue) throw',
      '    if (password.length < 2) throw',
      '[response.clean] a password with eleven characters is not used: answers could not be searched for it',
    ],
  ]),
  ...of('executor', 'postgres/gate', RELAY, [
    [
      'dispatch.bound',
      "export const STATEMENTS = 'QPBDECHS';",
      "export const STATEMENTS = 'QPBDECHSF';",
      '[dispatch.bound] a message with a call of a function by its number ends a session that reads',
    ],
    [
      'dispatch.bound',
      '    if (!STATEMENTS.includes(type) && !COPY_IN.includes(type)) throw notTaken();\n',
      '',
      '[dispatch.bound] a message with a password ends a session that writes',
    ],
  ]),
  ...of('executor', 'postgres/read-only', RELAY, [
    [
      'dispatch.bound',
      "    if (this.#isExecuted && !'CHS'.includes(type)) throw oneByOne();\n",
      '',
      ends('two statements at once'),
    ],
    ['dispatch.bound', "!'CHS'.includes(type)", "!'CHSB'.includes(type)", ends('a plan behind a statement')],
    ['dispatch.bound', '      if (!this.#isEmpty) throw oneByOne();\n', '', ends('a query in the middle of a batch')],
    [
      'dispatch.bound',
      "message('Q', 'BEGIN READ ONLY; SELECT 1')",
      "message('Q', 'BEGIN READ ONLY')",
      '[dispatch.bound] each statement that reads goes out alone, behind a snapshot of a transaction that only reads',
    ],
    [
      'dispatch.bound',
      "    if (type === 'E') throw unexpected();\n",
      '',
      '[dispatch.bound] a transaction that is not the one we began ends a session that only reads',
    ],
  ]),
  ...of('executor', 'postgres/frames', RELAY, [
    [
      'dispatch.bound',
      '      this.#limits.hold(length + 1 - this.#held, this.#limits.tooLarge);\n',
      '',
      '[dispatch.bound] a message for which its owner has no room left ends the session before it is held',
    ],
  ]),
  ...of('executor', 'postgres/relay', RELAY, [
    [
      'dispatch.bound',
      'if (this.#asked > (this.#parts.most.requestBytes ?? Infinity))',
      'if (this.#asked > Infinity)',
      '[dispatch.bound] a session in which more is said than the operator lets ends before its last message goes out',
    ],
    [
      'dispatch.bound',
      '    if (isTooLarge) this.fail(',
      '    if (isTooLarge && this.#bytes < 0) this.fail(',
      '[dispatch.bound] a session that is answered more than the operator lets ends before its last octet',
    ],
    ['response.clean', '    this.#redactions += redact(answers, this.#parts.forms);\n', '', scanned('the password')],
    [
      'response.clean',
      "    if (name === 'client_encoding' && value !== 'UTF8')\n",
      "    if (name === 'client_encoding' && value === '')\n",
      '[response.clean] a server that answers with another encoding ends the session',
    ],
    [
      'revoke.fast',
      '    this.#parts.assertStands();\n',
      '',
      '[revoke.fast] what was revoked sends no further statement',
    ],
    [
      'dispatch.bound',
      "    if (this.#parts.isReadOnly && isParameter(octets, 'is_superuser', 'on'))\n",
      "    if (this.#parts.isReadOnly && isParameter(octets, 'is_superuser', ''))\n",
      '[dispatch.bound] becoming a superuser ends a session that only reads',
    ],
    [
      'dispatch.bound',
      '      void this.#cancel();\n    });\n',
      '    });\n',
      '[dispatch.bound] a statement that stops when the server is asked ends its session not',
    ],
  ]),
  ...of('executor', 'secret/scram', RELAY, [
    [
      'response.clean',
      'clientKey, storedKey, ',
      'clientKey, ',
      '[response.clean] keys that are made of the password are starred out too: they are what a server keeps of it',
    ],
  ]),
  ...of('executor', 'secret/md5', RELAY, [
    [
      'response.clean',
      'made: [inner, shadow, answer]',
      'made: [answer]',
      '[response.clean] the hash that MD5 logs in with is starred out: it is as good as the password',
    ],
  ]),
  ...of('executor', 'secret/scram', MEMORY, [['memory.clean', '  wipe(salted);\n', '', clean('scram-sha-256')]]),
  ...of('executor', 'postgres/login', MEMORY, [
    ['memory.clean', '    wipe(...secrets);\n', '', clean('scram-sha-256')],
  ]),
  ...of('executor', 'postgres/databases', MEMORY, [
    [
      'memory.clean',
      '        relay.take(octets);\n        wipe(octets);\n',
      '        relay.take(octets);\n',
      clean('md5'),
    ],
  ]),
  ...of('mcp', 'postgres', STREAM, [
    [
      'dispatch.bound',
      "  const method = options.write === true ? 'WRITE' : 'READ';",
      "  const method = options.write === false ? 'READ' : 'WRITE';",
      '[dispatch.bound] without a word about it a session may only read',
    ],
  ]),
];
