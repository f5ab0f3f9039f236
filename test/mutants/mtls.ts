/** Defences of client certificates, from the sealed scheme to the last socket, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const SCHEME = test('protocol', 'scheme-mtls');
const FREED = test('executor', 'freed');
const HELD = test('executor', 'wire/held-back');
const CALLS = test('executor', 'wire/client-certificate');
const MEMORY = test('executor', 'secret/client-certificate-memory');
const BETWEEN = 'test/dist/e2e/mtls.test.js';

const NO_SCHEME = '[seal.bound] a client certificate with ';
const STAYS = '[dispatch.bound] what is no hello stays here until the server is known: ';
const HELLO_ONLY = (version: string, what: string): string =>
  `[dispatch.bound] over ${version} a server with a certificate ${what} gets nothing but a hello`;
const NO_REQUEST = '[dispatch.bound] a server that asks for no certificate gets no request without one';
const USABLE = '!shared.some((algorithm) => usable[kind].test(algorithm))';
const UNSIGNED = (version: string, sigalgs: string, kind: string): string =>
  `[dispatch.bound] over ${version} a server that takes signatures by ${sigalgs} gets no request of a client with ${kind}`;
const NO_SHORT_LINE =
  '[response.clean] a key whose lines are too short to be searched for, or stand with its labels, is none';
const NO_KEY_TEXT = '[response.clean] a key that is longer, of more lines, or spaced out is none';
const NO_KEY = '[memory.clean] no key is taken where the process leaves what it frees as it is';
const OVERWRITES =
  '[memory.clean] a process that is started for it overwrites what it frees, wherever the C library can';
const KNOWN = '[memory.clean] a process that was started without it is known to leave what it frees as it is';
const AT_HAND = '[memory.clean] a process that keeps freed blocks at hand is known to leave those as they are';
const ECHOED = '[response.clean] a key that an upstream gives back is starred out, as it was sealed and in its numbers';
const CLOSED = '[memory.clean] a socket under a certificate is closed after five seconds without a call';
const REVOKED = '[revoke.fast] a certificate is not shown for a call that was revoked while it waited';
const leaves = (kind: string): string =>
  `[memory.clean] leaves no copy of a client's key of ${kind} in pem once its last socket has closed`;

export const CLIENT_CERTIFICATES: readonly Mutant[] = [
  ...of('protocol', 'scheme-mtls', SCHEME, [
    [
      'seal.bound',
      'if (privateKey === certificate) refuse',
      'if (privateKey === certificate && privateKey.length === 0) refuse',
      `${NO_SCHEME}one field for both is refused`,
    ],
    [
      'seal.bound',
      "originParts(origin).scheme !== 'https'",
      "originParts(origin).scheme === 'postgres'",
      '[seal.bound] a client certificate goes to https origins only',
    ],
  ]),
  ...of('protocol', 'inject', SCHEME, [
    [
      'seal.bound',
      '  assertKeyAlone(injections);\n',
      '  if (injections.length === 0) assertKeyAlone(injections);\n',
      `${NO_SCHEME}a slot with its key is refused`,
    ],
  ]),
  ...of('executor', 'wire/held-back', HELD, [
    [
      'dispatch.bound',
      'octets[at + RECORD_HEAD] === CLIENT_HELLO',
      'octets[at + RECORD_HEAD]! >= CLIENT_HELLO',
      `${STAYS}a certificate in clear`,
    ],
    ['dispatch.bound', 'octets[at] === HANDSHAKE', 'octets[at]! >= HANDSHAKE', `${STAYS}something encrypted`],
    [
      'dispatch.bound',
      'octets.readUInt16BE(at + 3) === octets.length',
      'octets.readUInt16BE(at + 3) <= octets.length',
      `${STAYS}a certificate in the record of a hello`,
    ],
    [
      'dispatch.bound',
      'if (at > 0 && at === octets.length) return true;',
      'if (at > 0) return true;',
      `${STAYS}something behind the end of what is hidden`,
    ],
  ]),
  ...of('executor', 'wire/dial-certified', CALLS, [
    [
      'dispatch.bound',
      '  const wrong = handle.verifyError() ?? checkServer(leaf as SentCertificate);\n',
      '  const wrong = checkServer(leaf as SentCertificate);\n',
      HELLO_ONLY('TLSv1.2', 'of an authority that nobody trusts'),
    ],
    [
      'dispatch.bound',
      'handle.verifyError() ?? checkServer(leaf as SentCertificate)',
      'handle.verifyError()',
      HELLO_ONLY('TLSv1.2', 'for another name'),
    ],
    [
      'dispatch.bound',
      'checkServerName(address.host, leaf.raw) ?? checkPins(pins, leaf)',
      'checkServerName(address.host, leaf.raw) ?? checkPins(undefined, leaf)',
      HELLO_ONLY('TLSv1.2', 'whose key is not pinned'),
    ],
    ['dispatch.bound', USABLE, 'shared.length < 0', NO_REQUEST],
    ['dispatch.bound', USABLE, 'shared.length === 0', UNSIGNED('TLSv1.3', 'ECDSA+SHA256', 'RSA')],
    ['dispatch.bound', USABLE, 'shared.length === 0', UNSIGNED('TLSv1.2', 'ECDSA+SHA256', 'Ed25519')],
    [
      'dispatch.bound',
      "socket.getProtocol() === 'TLSv1.2' ?",
      'shared.length > 0 ?',
      UNSIGNED('TLSv1.3', 'ECDSA+SHA256:RSA+SHA256', 'RSA'),
    ],
  ]),
  ...of('executor', 'wire/dial-certified', MEMORY, [
    ['memory.clean', '    (context.context as { close(): void }).close();\n', '', leaves('P-256')],
  ]),
  ...of('executor', 'wire/upstream', CALLS, [
    ['memory.clean', 'options.isFreedOverwritten?.() === true', 'options.isFreedOverwritten?.() !== false', NO_KEY],
  ]),
  ...of('executor', 'secret/client-certificate', MEMORY, [['memory.clean', '  wipe(plain);\n', '', leaves('P-256')]]),
  ...of('executor', 'secret/client-certificate', CALLS, [
    [
      'response.clean',
      'if (!isKeyText(key))',
      'if (key.length === 0)',
      '[response.clean] a key that is padded with lines of spaces is refused before anything is sent',
    ],
  ]),
  ...of('protocol', 'client-key', test('protocol', 'client-key'), [
    ['response.clean', 'if (key.length > LIMITS.clientKey) return false;\n', '\n', NO_KEY_TEXT],
    ['response.clean', 'lines <= LIMITS.clientKeyLines', 'lines > 0', NO_KEY_TEXT],
    ['response.clean', '!isLabel && !isBase64(block[end]!)', 'block[start] === LF', NO_KEY_TEXT],
    ['response.clean', '      if (hasEnded) return false;\n', '', NO_SHORT_LINE],
    ['response.clean', '    if (isLabel && block[end - 1] !== DASH) return false;\n', '', NO_SHORT_LINE],
    ['response.clean', 'return texts > 0 && lines', 'return lines', NO_SHORT_LINE],
  ]),
  ...of('client', 'certificate', test('client', 'certificate'), [
    [
      'response.clean',
      'if (!isKeyText(key!.value))',
      'if (key!.value.length === 0)',
      '[response.clean] a key that no answer could be searched for in time is not sealed',
    ],
  ]),
  ...of('executor', 'wire/pools', CALLS, [
    [
      'dispatch.bound',
      'openFor(slots.waiting())',
      'openFor([...slots.waiting()].slice(-1))',
      '[dispatch.bound] a call that is refused while it waits for a socket fails no other one of its connection',
    ],
    [
      'dispatch.bound',
      '      exchange.fail(asDownstream(error));\n    }\n  }',
      '      throw error;\n    }\n  }',
      '[dispatch.bound] a call that is refused while another one needs a socket ends by itself',
    ],
    [
      'memory.clean',
      'Math.min(this.#limits.keepAliveMs, CERTIFIED_KEEP_ALIVE_MS)',
      'Math.max(this.#limits.keepAliveMs, CERTIFIED_KEEP_ALIVE_MS)',
      CLOSED,
    ],
  ]),
  ...of('executor', 'wire/worn', CALLS, [
    ['revoke.fast', '      this.#request.beforeSend();\n    } catch', '    } catch', REVOKED],
    ['response.clean', '...former, ...key.numbers], key.lines)', '...former, ...key.numbers])', ECHOED],
    ['response.clean', '...former, ...key.numbers], key.lines)', '...former], key.lines)', ECHOED],
  ]),
  ...of('executor', 'freed', FREED, [
    ['memory.clean', 'glibc.malloc.perturb=${FILL}:', '', OVERWRITES],
    ['memory.clean', ':glibc.malloc.tcache_count=0`', '`', OVERWRITES],
    ['memory.clean', 'octet === (FILL ^ 0xff)', 'octet <= 0xff', KNOWN],
    ['memory.clean', 'TRIED.every(', 'TRIED.slice(-1).every(', AT_HAND],
  ]),
  ...of('executor', 'launch', BETWEEN, [
    [
      'memory.clean',
      '{ DAUTH_RESOLVED_CONFIG: json, ...OVERWRITING, ...INSTRUCTIONS }',
      '{ DAUTH_RESOLVED_CONFIG: json, ...INSTRUCTIONS }',
      '[server.blind] a tool is taken for whoever the certificate names, without having its key',
    ],
  ]),
  ...of('executor', 'launch', 'packages/cli/dist/start.test.js', [
    [
      'memory.clean',
      '...OVERWRITING, ...INSTRUCTIONS }',
      '...OVERWRITING }',
      'the banner of dauth start says in plain words what the isolation is worth',
    ],
  ]),
];
