/** Defences of `executor`, the sealed room, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const BLIND = 'test/dist/attacks/blind.test.js';
const SERVER = 'test/dist/attacks/server.test.js';
const EXCHANGE = 'packages/executor/dist/wire/exchange.test.js';
const FORMS = 'packages/executor/dist/wire/forms.test.js';
const INJECTION = 'packages/executor/dist/secret/injection.test.js';
const MEMORY = 'packages/executor/dist/secret/memory.test.js';
const POOLS = 'packages/executor/dist/wire/pools.test.js';
const REVOCATION = 'test/dist/e2e/revocation.test.js';
const STREAMING = 'packages/executor/dist/door/streaming.test.js';
const SURVIVAL = 'packages/executor/dist/survival.test.js';

const room = (name: string): string => `packages/executor/dist/${name}.test.js`;

const refused = (what: string): string =>
  `[revoke.fast] a revoked ${what} is refused by the executor within a second, and at every door of the authority`;

export const EXECUTOR: readonly Mutant[] = [
  ...of('executor', 'who/view', REVOCATION, [
    ['revoke.fast', "this.#has('token', jti)", "jti === '' && this.#has('token', jti)", refused('token')],
    ['revoke.fast', 'grant: [grant],', 'grant: [grant].slice(1),', refused('grant')],
    ['revoke.fast', 'client: clients,', 'client: clients.slice(0, 1),', refused('client')],
    ['revoke.fast', 'owner: [owner],', 'owner: [owner].slice(1),', refused('owner')],
    ['revoke.fast', 'org: [org],', 'org: [org].slice(1),', refused('org')],
  ]),
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/harden.ts',
    find: '  refusals.push(...findMissingPermissionModel',
    replace: '  if (facts.permission !== undefined) refusals.push(...findMissingPermissionModel',
    test: {
      file: room('harden'),
      name: '[memory.clean] core dumps and a missing or wide permission model are refused',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/scan.ts',
    find: '    const open = holdFrom(data, this.#forms);\n',
    replace: '    const open = openFrom(data, this.#forms);\n    holdFrom(data, this.#forms);\n',
    test: {
      file: room('wire/scan'),
      name: '[response.clean] when an answer is passed on says nothing of what the credential begins with',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/wire/exchange.ts',
    find: 'if (++this.#interim > MAX_INTERIM)',
    replace: 'if (++this.#interim > 99 * MAX_INTERIM)',
    test: {
      file: EXCHANGE,
      name: '[response.clean] refuses an answer with interim answers without end, and lives on',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/secret/fields.ts',
    find: 'if (length === 0 || ',
    replace: 'if (',
    test: {
      file: 'packages/executor/dist/open-vectors.test.js',
      name: '[seal.bound] vector: a plaintext with an empty value opens, and is refused',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/scan.ts',
    find: 'found.push([start, end]);',
    replace: 'void [start, end];',
    test: {
      file: SERVER,
      name: '[response.clean] an upstream that echoes the credential (body) gives nothing away',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/spellings.ts',
    find: 'for (const shift of [0, 1, 2]) form(',
    replace: 'for (const shift of [0, 1, 2].slice(3)) form(',
    test: {
      file: SERVER,
      name: '[response.clean] an upstream that echoes the credential (base64) gives nothing away',
    },
  },
  {
    claim: 'server.blind',
    file: 'packages/executor/src/wire/scan.ts',
    find: 'found.push([start, end]);',
    replace: 'void [start, end];',
    test: {
      file: SERVER,
      name: '[server.blind] its memory, environment, headers, contexts and answers hold no credential',
    },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/secret/plaintext.ts',
    find: '    this.#bytes?.fill(0);\n',
    // Kept until the look: what is collected before it, the C library overwrites when it is freed.
    replace: '    Object.assign(globalThis, { [`kept ${Math.random()}`]: this.#bytes });\n',
    test: {
      file: BLIND,
      name: '[memory.clean] [authority.blind] [server.blind] one second after calls no process holds the credential, in any encoding',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/inject.ts',
    find: 'if (value[0] === 0x20 || value.at(-1) === 0x20)',
    replace: 'if (value.length === 0)',
    test: {
      file: INJECTION,
      name: '[response.clean] refuses a value before anything is sent: a space at its end, which readers cut off',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/inject.ts',
    find: 'value.length < LIMITS.shortestValue',
    replace: 'value.length < 1',
    test: { file: INJECTION, name: '[response.clean] refuses a value before anything is sent: seven octets' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/inject.ts',
    find: 'value.length > LIMITS.injectedValue',
    replace: 'value.length > LIMITS.plaintext',
    test: {
      file: INJECTION,
      name: '[response.clean] refuses a value before anything is sent: more octets than can be searched for',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/inject.ts',
    find: 'if (repeats(value, 1) || repeats(value, -1))',
    replace: 'if (repeats(value.subarray(0, 1), 1))',
    test: {
      file: INJECTION,
      name: '[response.clean] refuses a value before anything is sent: one letter many times at the end',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/inject.ts',
    find: '> LIMITS.injectedTotal',
    replace: '> LIMITS.plaintext',
    test: {
      file: INJECTION,
      name: '[response.clean] takes the longest value, and refuses more of them than one call may carry',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/secret/fill.ts',
    find: 'if (!bytes.every(fits)) {',
    replace: 'if (!bytes.every(fits) && bytes.length === 0) {',
    test: {
      file: INJECTION,
      name: '[dispatch.bound] refuses a value before anything is sent: a line break in a header',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/inject.ts',
    find: "if (injection.in === 'header' || injection.in === 'cookie') return [];",
    replace: "if (['header', 'cookie', 'path'].includes(injection.in)) return [];",
    test: { file: FORMS, name: '[response.clean] finds what it wrote into a path slot, encodeURIComponent' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/escapes.ts',
    find: '    form(() => writeJsonUnits(out, units, hex, (unit) => unit < 0x80, true));\n',
    replace: '',
    test: { file: FORMS, name: '[response.clean] finds a value as PHP json_encode writes it' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/escapes.ts',
    find: `  { '"': '&quot;', "'": '&#39;', '/': '&#x2F;', '\`': '&#x60;', '=': '&#x3D;' },\n`,
    replace: '',
    test: { file: FORMS, name: '[response.clean] finds a value as Mustache writes it' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/secret/encode.ts',
    find: "  plainOctets('-._~/'),\n",
    replace: '',
    test: { file: FORMS, name: '[response.clean] finds a value as Python quote() writes it' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/answering.ts',
    find: 'if (holding !== null && (hasHint() || this.redactions > 0)) throw echoing(holding);',
    replace: 'if (holding !== null && hasHint() && this.redactions < 0) throw echoing(holding);',
    test: {
      file: EXCHANGE,
      name: '[response.clean] an answer that holds a guessable value is refused whole, wherever it holds it',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/answering.ts',
    find: 'if (this.#bytes > this.#options.maxBytes)',
    replace: 'if (this.#bytes > Infinity)',
    test: {
      file: EXCHANGE,
      name: '[response.clean] refuses an answer with too many octets in the piece of its head, and lives on',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/answering.ts',
    find: "    body.on('error', () => undefined);\n",
    replace: '',
    test: { file: SURVIVAL, name: 'the executor outlives an answer that fails in the read of its head' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/answer.ts',
    find: '  assertKnownFraming(all);\n',
    replace: '  if (status < 0) assertKnownFraming(all);\n',
    test: {
      file: EXCHANGE,
      name: '[response.clean] refuses an answer with the transfer encoding gzip, chunked, and lives on',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/answer.ts',
    find: 'if (raw.length > 2 * MAX_HEADERS)',
    replace: 'if (raw.length < -MAX_HEADERS)',
    test: { file: EXCHANGE, name: '[response.clean] refuses an answer with too many headers, and lives on' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/wire/answer.ts',
    find: 'if (status === 206)',
    replace: 'if (status === 0)',
    test: { file: EXCHANGE, name: '[response.clean] refuses an answer with a part of a body, and lives on' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/override.ts',
    find: "  watch.on('error', () => undefined);\n",
    replace: '',
    test: { file: SURVIVAL, name: 'the executor outlives an override in a body that nobody reads yet' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/override.ts',
    find: "if (type === '') return [new UrlencodedNames(), new JsonNames(false)];",
    replace: "if (type === '') return [];",
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: a body without a type, which Rack takes for a form',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/override.ts',
    find: 'if (isEncoded || ',
    replace: 'if ((isEncoded && headers.length === 0) || ',
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: a form in a content encoding',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/override-names.ts',
    find: 'else if (octet === 0x3a && this.#isOverride()) return true;',
    replace: 'else if (octet === 0x3a && this.#isOverride()) return false;',
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: JSON, which Laravel takes for input',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/override-names.ts',
    find: `replaceAll(/[\\s"\\\\]/g, '')`,
    replace: `replaceAll(/[\\s"]/g, '')`,
    test: {
      file: STREAMING,
      name: '[dispatch.bound] a whole body cannot ask for another method: multipart with a quoted pair',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/target.ts',
    find: 'isPathOverride(name)',
    replace: "isPathOverride(name) && name === ''",
    test: { file: STREAMING, name: '[dispatch.bound] a request cannot name for itself: another path' },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/wire/wire.ts',
    find: '      this.#wipeHead();\n      done(error);',
    replace: '      done(error);',
    test: {
      file: MEMORY,
      name: '[memory.clean] leaves no copy of a credential or its keys: GET and POST, buffered and streamed',
    },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/secret/aead.ts',
    find: '  const plaintext = unmask(',
    replace:
      "  const plain = createDecipheriv(aead as 'aes-128-gcm', key, nonce, { authTagLength: 16 }).setAAD(aad).setAuthTag(tag);\n" +
      '  if (plain.setAutoPadding()) return Buffer.concat([plain.update(ciphertext), plain.final()]);\n' +
      '  const plaintext = unmask(',
    test: {
      file: MEMORY,
      name: '[memory.clean] leaves no copy of a credential or its keys: basic, of two long fields',
    },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/wire/dial.ts',
    find: '      scrubRegisters();\n      received(buffer.subarray(0, length));\n',
    replace: '      received(buffer.subarray(0, length));\n      scrubRegisters();\n',
    test: {
      file: room('secret/registers'),
      name: '[memory.clean] the registers are overwritten before anybody is given what was read',
    },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/wire/inflate.ts',
    find: '    wipe(this.#decoded);\n',
    replace: '    wipe();\n',
    test: {
      file: 'packages/executor/dist/wire/decode-memory.test.js',
      name: '[memory.clean] leaves no copy of a credential or its keys: echoed in a body in deflate',
    },
  },
  {
    claim: 'memory.clean',
    file: 'packages/executor/src/wire/bits.ts',
    find: '    wipe(this.#octets);\n    this.#octets = octets;',
    replace: '    this.#octets = octets;',
    test: {
      file: room('wire/bits'),
      name: '[memory.clean] what came before is zeroed when more comes, and at the end',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: '    this.#freshAt = signedAt;\n',
    replace: '    this.#freshAt = Math.max(signedAt, this.#options.monotonic());\n',
    test: {
      file: room('who/status'),
      name: '[revoke.fast] what was held back on its way counts from its signature, not from its arrival',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: ' && monotonic() - this.#freshAt <= freshnessMs',
    replace: ' && monotonic() - this.#freshAt <= 2 * freshnessMs',
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a view counts for 750 ms after the signature of its last message and no longer',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: 'if (message.n === 0 && age > this.#freshnessMs * OPENING_SHARE)',
    replace: 'if (message.n === 0 && age > Infinity * OPENING_SHARE)',
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a stream that is held back from its first octet on is given up, and a new one is asked for',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: '    if (age < -this.#freshnessMs)',
    replace: '    if (age < -Infinity)',
    test: { file: room('who/status'), name: '[revoke.fast] an authority whose clock runs ahead is not believed' },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: 'if (error instanceof Gap || isForged(error)) this.#freshAt',
    replace: 'if (isForged(error)) this.#freshAt',
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a gap inside a message ends freshness at once and none of its changes counts; the resync brings all',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: 'if (error instanceof Gap || isForged(error)) this.#freshAt',
    replace: 'if (error instanceof Gap || isForged(undefined)) this.#freshAt',
    test: { file: room('who/status'), name: '[revoke.fast] a message by another key ends freshness at once' },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: "    if (revision !== at + 1 && !(kind === 'skipped' && revision > at)) return undefined;",
    replace: "    if (revision < at && !(kind === 'skipped' && revision > at)) return undefined;",
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a gap inside a message ends freshness at once and none of its changes counts; the resync brings all',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: "    if (revision !== at + 1 && !(kind === 'skipped' && revision > at)) return undefined;",
    replace: "    if (revision <= at && !(kind === 'skipped' && revision > at)) return undefined;",
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a skip that leaves out a revision behind it ends freshness at once',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: 'if (message.revision !== reachedBy(message.changes, this.#revision))',
    replace: 'if (message.revision < (reachedBy(message.changes, this.#revision) ?? Infinity))',
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a skip that stays short of the revision of its message ends freshness at once',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: "!(kind === 'skipped' && revision > at)",
    replace: "!(kind === 'skipped' && revision < 0)",
    test: {
      file: room('who/status'),
      name: '[revoke.fast] what the authority says it skips is no gap, and everything else is told as before',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: "!(kind === 'skipped' && revision > at)",
    replace: "!(kind === 'skipped' && revision >= at)",
    test: { file: room('who/status'), name: '[revoke.fast] a skip that goes back ends freshness at once' },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/changes.ts',
    find: "changes.some(({ kind }) => kind === 'skipped')",
    replace: 'changes.every(({ revision }) => revision < 0)',
    test: {
      file: room('door/doors'),
      name: '[revoke.fast] an answer under way is reset when what happened meanwhile is skipped',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: 'if (message.sid !== this.#sid)',
    replace: 'if (message.sid !== (message.sid || this.#sid))',
    test: { file: room('who/status'), name: '[revoke.fast] a message of another stream ends freshness at once' },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: 'if (message.revision < seen.revision || seen.regressed) return;',
    replace: 'if (message.revision < 0 || seen.regressed) return;',
    test: {
      file: room('who/status'),
      name: '[revoke.fast] a view that has not reached the highest revision ever seen is not fresh yet',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/seen.ts',
    find: '  if (known !== undefined && use.revision < known.revision)',
    replace: '  if (known === undefined && use.revision < 0)',
    test: {
      file: room('who/dispatch-may'),
      name: '[revoke.fast] a connection served with a lower revision than before is refused',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/seen.ts',
    find: '    if (isKnown && use.revision <= known.revision)',
    replace: '    if (isKnown)',
    test: {
      file: room('who/seen'),
      name: '[revoke.fast] the highest revision with which a handle was served is durable, and a lower one is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/seen.ts',
    find: '    if (!isKnown) assertOpens();\n',
    replace: '    if (isKnown) assertOpens();\n',
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] an envelope that nobody can open does not decide who seals for its handle',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/seen.ts',
    find: '    if (known !== undefined && !known.trusted.some',
    replace: '    if (known === undefined && !use.trusted.some',
    test: {
      file: room('who/seen'),
      name: '[seal.bound] of two first uses at the same time one decides who seals, and the other is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/seen.ts',
    find: '  if (use.ver < (known.resealedFrom ?? known.ver))\n',
    replace: '  if (use.ver < 0)\n',
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] an older version than was used, and another envelope of the same version, are refused',
    },
  },
  {
    claim: 'crash.safe',
    file: 'packages/executor/src/who/seen.ts',
    find: 'return this.#unsynced.get(handle);\n    if (!isKnown)',
    replace: 'return;\n    if (!isKnown)',
    test: {
      file: room('who/seen'),
      name: '[crash.safe] whoever comes while a first use is written waits until it is on disk',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/door/metrics.ts',
    find: "isErrorCode(code) || code === 'ok' || code === 'ABORTED' ? code : 'INTERNAL'",
    replace: 'isErrorCode(code) ? code : String(code)',
    test: {
      file: room('door/metrics'),
      name: 'an outcome whose code is none of ours becomes INTERNAL, never a label',
    },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/door/metrics.ts',
    find: 'refusals.record(counted(code), facts)',
    replace: '(add(this.#refusals, String(facts.owner)), refusals.record(counted(code), facts))',
    test: {
      file: room('door/metrics'),
      name: 'what happens at the public door is counted by code, and no secret, handle, owner, server or origin is told',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/status.ts',
    find: ' : this.#options.monotonic() - this.#freshAt;',
    replace: ' : 0;',
    test: {
      file: room('door/metrics'),
      name: '[revoke.fast] a view that grows old shows its age, and a node that no longer serves for it says so here too',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/door/public.ts',
    find: "JSON.stringify({ name: 'dauth-executor', version })",
    replace: "JSON.stringify({ name: 'dauth-executor', version, node: process.version })",
    test: {
      file: room('door/metrics'),
      name: 'what is for the operator is not at the public door, which does not say which Node runs',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/config.ts',
    find: 'metrics.port !== 0 && metrics.port === listen.port',
    replace: 'metrics.port !== 0 && metrics === listen',
    test: {
      file: room('config'),
      name: 'the private listener is off by default, and refused on the port of the callers',
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/executor/src/room.ts',
    find: '    refusals: { count: () => undefined },\n',
    replace: '    refusals: watched,\n',
    test: {
      file: room('door/metrics'),
      name: 'a mistake at the private listener is no refusal that is counted or journaled',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/door/server.ts',
    find: "  socket.on('error', () => undefined);\n",
    replace: '',
    test: { file: room('door/doors'), name: 'a tunnel whose caller resets it at once does not end the process' },
  },
  {
    claim: 'response.clean',
    file: 'packages/executor/src/door/server.ts',
    find: ' || answering.has(socket)) socket.destroy()',
    replace: ') socket.destroy()',
    test: {
      file: room('door/doors'),
      name: '[response.clean] garbage on a connection whose answer is under way ends it; nothing is written into the answer',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/executor/src/door/buffered.ts',
    find: '  const caller = await authenticate(shaped, deps);\n',
    replace: '  await at.request.toArray();\n  const caller = await authenticate(shaped, deps);\n',
    test: {
      file: room('door/doors'),
      name: 'nobody unknown has a body read: the answer comes although the body never does',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/door/buffered.ts',
    find: '  assertAnnounced(at.request, limits.bufferedRequestBytes);\n',
    replace: '  assertAnnounced(at.request, Infinity);\n',
    test: {
      file: room('door/doors'),
      name: 'a body that is announced larger than allowed is refused before anybody is asked who they are',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/door/buffered.ts',
    find: 'using place = deps.shares.enter(caller);',
    replace: 'const place = { hold: () => undefined };',
    test: { file: room('door/doors'), name: 'an owner with open calls keeps no other one out, at either door' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/door/streaming.ts',
    find: 'using place = deps.shares.enter(caller);',
    replace: 'const place = { hold: () => undefined };',
    test: { file: room('door/doors'), name: 'an owner with open calls keeps no other one out, at either door' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/who/shares.ts',
    find: 'if (!this.#places.takes(holders, 1))',
    replace: 'if (!this.#places.takes([], 1))',
    test: {
      file: room('door/doors'),
      name: 'one owner, and one server key, hold a quarter of the places, and leave them when they end',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/door/upload.ts',
    find: '{ fatal: true, ignoreBOM: true }',
    replace: '{ fatal: false, ignoreBOM: true }',
    test: { file: room('door/doors'), name: 'a body that is no strict UTF-8, or starts with a mark, is refused' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/ticket.ts',
    find: '  count();\n  const used',
    replace: '  void count;\n  const used',
    test: {
      file: room('door/doors'),
      name: 'tries are limited once their ticket is known to be the authority’s: nobody else can use them up',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/address.ts',
    find: '    for (const ip of ips) this.#assertAllowed(ip, scheme);\n',
    replace: '    for (const ip of ips.slice(0, 1)) this.#assertAllowed(ip, scheme);\n',
    test: {
      file: room('where/address'),
      name: '[dispatch.bound] one private address among public ones refuses them all',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/address.ts',
    find: "address.range() !== 'unicast' || address.toString() === PLATFORM_V4",
    replace: "address.range() !== 'unicast' || address.toString() === `${PLATFORM_V4}0`",
    test: {
      file: room('where/address'),
      name: '[dispatch.bound] an origin that resolves to link-local and cloud metadata is not reached',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/address.ts',
    find: ' && !isIsatap(address as ipaddr.IPv6)',
    replace: ' && (ip !== "" || !isIsatap(address as ipaddr.IPv6))',
    test: {
      file: room('where/address'),
      name: '[dispatch.bound] an origin that resolves to 6to4, Teredo, ISATAP is not reached',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/address.ts',
    find: '  if (!ipaddr.IPv4.isValidFourPartDecimal(ip) && (',
    replace: '  if (!ipaddr.isValid(ip) && (',
    test: {
      file: room('where/address'),
      name: '[dispatch.bound] an origin that resolves to an address in another spelling is not reached',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/address.ts',
    find: ' && !this.#options.dangerouslyAllowLoopback) throw denied();',
    replace: " && host === '') throw denied();",
    test: {
      file: room('where/address'),
      name: '[dispatch.bound] loopback names and http are not even resolved without the dangerous switch',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/certificate.ts',
    find: "subject: 'never'",
    replace: "subject: 'default'",
    test: {
      file: room('where/certificate'),
      name: '[dispatch.bound] a certificate with the name as its common name only speaks for nobody else',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/certificate.ts',
    find: 'partialWildcards: false',
    replace: 'partialWildcards: true',
    test: {
      file: room('where/certificate'),
      name: '[dispatch.bound] a certificate with a partial wildcard speaks for nobody else',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.iss !== deps.issuer)',
    replace: "if (policy.iss === '')",
    test: { file: room('who/dispatch-may'), name: '[seal.bound] step 3 refuses what was sealed for another authority' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.org !== claims.org)',
    replace: "if (policy.org === '')",
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] step 3 refuses what was sealed for another organisation',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.owner !== claims.sub)',
    replace: "if (policy.owner === '')",
    test: { file: room('who/dispatch-may'), name: '[seal.bound] step 3 refuses what was sealed by another owner' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.handle !== handle)',
    replace: "if (policy.handle !== handle && server === '')",
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] an envelope of another connection or version in a row is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.ver !== stored.ver)',
    replace: 'if (policy.ver !== stored.ver && stored.ver === 0)',
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] an envelope of another connection or version in a row is refused',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (!policy.servers.includes(server))',
    replace: "if (!policy.servers.includes(server) && server === '')",
    test: { file: room('who/dispatch-may'), name: '[seal.bound] step 3 refuses what was sealed for another server' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.iat > now + LIMITS.clockLeewaySeconds)',
    replace: 'if (policy.iat > now * LIMITS.clockLeewaySeconds)',
    test: { file: room('who/dispatch-may'), name: '[seal.bound] step 3 refuses what was sealed for later' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'if (policy.exp <= now)',
    replace: 'if (policy.exp <= 0)',
    test: { file: room('who/dispatch-may'), name: '[seal.bound] step 3 refuses what was sealed until now' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: 'serverJkt !== undefined && !serverJkt.includes(claims.cnf.jkt)',
    replace: 'serverJkt?.length === 0',
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] step 3 refuses what was sealed for another server key',
    },
  },
  {
    claim: 'seal.bound',
    file: 'packages/executor/src/who/authorize.ts',
    find: "  if (typeof carried.claims.ath !== 'string')",
    replace: "  if (carried.jkt === '')",
    test: {
      file: room('who/dispatch-may'),
      name: '[seal.bound] step 3 refuses a pinned credential with a proof of a call without an access token',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/authorize.ts',
    find: '  assertActive(stored.status);\n',
    replace: '  if (stored.ver < 0) assertActive(stored.status);\n',
    test: {
      file: room('who/dispatch-may'),
      name: '[revoke.fast] a connection is refused that is revoked, by its row and by the status stream alone',
    },
  },
  {
    claim: 'revoke.fast',
    file: 'packages/executor/src/who/authorize.ts',
    find: '  await deps.status.whenFresh();\n',
    replace: '',
    test: {
      file: room('who/dispatch-may'),
      name: '[revoke.fast] without a fresh view of revocations nothing is looked up, opened or sent',
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/executor/src/journal/recovery.ts',
    find: 'if (stray !== undefined || (i',
    replace: 'if ((stray !== undefined && stray.end < 0) || (i',
    test: { file: room('journal/journal'), name: '[audit.complete] an edited line stops the start' },
  },
  {
    claim: 'audit.complete',
    file: 'packages/executor/src/journal/recovery.ts',
    find: 'acknowledged !== undefined && head.seq < acknowledged.seq',
    replace: 'acknowledged !== undefined && head.seq < 0',
    test: {
      file: room('journal/journal'),
      name: '[audit.complete] a journal that ends before its last checkpoint, or that differs from it, stops the start',
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/executor/src/journal/journal.ts',
    find: 'Math.max(0, octets.length + reserves) + this.#reserved',
    replace: 'octets.length',
    test: {
      file: room('journal/journal'),
      name: '[audit.complete] a full disk stops new intents, and each that was taken has room for its outcome',
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/executor/src/journal/journal.ts',
    find: '        this.#broken = true;\n        this.#refuse(',
    replace: '        this.#refuse(',
    test: {
      file: room('journal/journal'),
      name: '[audit.complete] after a failed write nothing is acknowledged any more, whatever comes later',
    },
  },
  {
    claim: 'audit.complete',
    file: 'packages/executor/src/journal/refusals.ts',
    find: 'if (this.#inWindow >= this.#options.perMinute)',
    replace: 'if (this.#inWindow >= this.#options.perMinute + 9)',
    test: {
      file: room('journal/journal'),
      name: '[audit.complete] refusals have a quota of their own each minute, and past it they are counted',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/executor/src/room.ts',
    find: "if (kind === 'intent' && typeof proof",
    replace: "if (kind === '' && typeof proof",
    test: {
      file: room('journal/journal'),
      name: '[token.bound] a proof that had an effect before a restart is refused after it, however far ahead it was signed',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/conditions.ts',
    find: 'if (!allowsRequest(allow,',
    replace: 'if (octets.length === 0 && !allowsRequest(allow,',
    test: {
      file: 'packages/executor/dist/where/dispatch-where.test.js',
      name: '[dispatch.bound] step 4 takes a JSON body that meets the conditions of a rule, and no other, at both doors',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/conditions.ts',
    find: 'body === null || !isJsonType(headers)',
    replace: 'body === null || (body === undefined && !isJsonType(headers))',
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a JSON body as a form where a rule has conditions is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/conditions.ts',
    find: "'kept', LIMITS",
    replace: "'any', LIMITS",
    test: {
      file: 'packages/executor/dist/vectors.test.js',
      name: '[dispatch.bound] vector: a number with digits that are lost where a rule has conditions is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/body.ts',
    find: 'const given = await settleConditions(asked, { length: bodyLength, hold }, allow, to);',
    replace:
      'await settleConditions(null, { length: bodyLength, hold }, allow, { ...to, onBody: undefined as never });\n  const given = asked;',
    test: {
      file: 'packages/executor/dist/where/dispatch-where.test.js',
      name: '[dispatch.bound] step 4 takes a JSON body that meets the conditions of a rule, and no other, at both doors',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/target.ts',
    find: 'method: wish.method, path, query };',
    replace: "method: wish.method, path, query: '' };",
    test: {
      file: 'packages/executor/dist/where/dispatch-where.test.js',
      name: '[dispatch.bound] step 4 takes a query with listed names once each, and no other, at both doors',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/where/target.ts',
    find: 'onBody === undefined && !allowsRequest(',
    replace: "query === '#' && !allowsRequest(",
    test: {
      file: room('where/dispatch-where'),
      name: '[token.bound] what the envelope allows and the token does not is refused, and the other way round',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/executor/src/where/target.ts',
    find: 'if (!detailAllows(',
    replace: "if (query === '#' && !detailAllows(",
    test: {
      file: room('where/dispatch-where'),
      name: '[token.bound] what the envelope allows and the token does not is refused, and the other way round',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/config.ts',
    find: 'if (limits[name] > DEFAULT_LIMITS[name])',
    replace: 'if (limits[name] > 2 * DEFAULT_LIMITS[name])',
    test: {
      file: room('config'),
      name: '[dispatch.bound] a limit that is wider than its default, unknown or no number is refused',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/wire/pools.ts',
    find: '${connection.handle} ${connection.ver}',
    replace: '${connection.ver}',
    test: {
      file: POOLS,
      name: '[dispatch.bound] connections on one origin share no socket and no TLS session; one of its own is used again',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/wire/pools.ts',
    find: '${connection.ver} ${address.origin}',
    replace: '${address.origin}',
    test: { file: POOLS, name: '[dispatch.bound] a rotated credential does not go out on a socket of the one before' },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/executor/src/wire/pools.ts',
    find: '${connection.ver} ${address.origin}',
    replace: '${connection.ver}',
    test: { file: POOLS, name: '[dispatch.bound] what is for one origin of a connection is not sent to another one' },
  },
];
