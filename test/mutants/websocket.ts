/** Defences of WebSockets, from the sealed rule to the last frame, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const RULE = test('protocol', 'web-socket');
const READER = test('executor', 'frames/reader');
const RELAY = test('executor', 'frames/relay');
const HOSTILE = test('executor', 'frames/hostile');
const MEMORY = test('executor', 'frames/relay-memory');
const DOOR = test('executor', 'door/web-socket');
const WINDOW = test('executor', 'who/window');

const NO_RULE = '[seal.bound] a rule with what no WebSocket has is refused: ';
const BROKEN = '[dispatch.bound] a frame that could be read in two ways ends the connection: ';
const NO_TEXT = '[response.clean] text that readers read in different ways is none: ';
const NO_SWITCH = '[response.clean] an upstream cannot switch to what is no answer to our handshake: ';
const BOTH_END = '[response.clean] frames that cannot be read end both sides: ';
const NO_SHAPE = '[dispatch.bound] a handshake that is not one in every reading is refused: ';
const FOUND = '[response.clean] a credential is found in a message in fragments of one octet, with pings between them';
const BOUNDED = '[dispatch.bound] fragments of a message are bounded, in octets and in number';
const HANDSHAKE_NAMES = '[seal.bound] a header of the handshake is never a slot and never passed on';
const IN_ALL =
  '[response.clean] a credential is starred out of text, fragments, other encodings and the reason of a close';

export const WEB_SOCKETS: readonly Mutant[] = [
  ...of('protocol', 'policy', RULE, [
    [
      'seal.bound',
      'webSocket !== true || rule.websocket === true',
      'webSocket !== true || rule.paths.length > 0',
      '[seal.bound] only a rule that says so takes a WebSocket, and it takes the ordinary request too',
    ],
    [
      'seal.bound',
      'if (value !== true) refuse',
      'if (value !== true && value !== false) refuse',
      `${NO_RULE}"websocket" that is false`,
    ],
    ['seal.bound', 'methods.length !== 1 || methods[0]', 'methods[0]', `${NO_RULE}another method`],
    ['seal.bound', ' || body !== undefined)\n    refuse', ' || body === 7)\n    refuse', `${NO_RULE}a body`],
  ]),
  ...of('protocol', 'slot-name', RULE, [['seal.bound', '|sec-websocket-.*|', '|', HANDSHAKE_NAMES]]),
  ...of('protocol', 'dispatch', RULE, [['seal.bound', '|sec-websocket-|dauth-)', '|dauth-)', HANDSHAKE_NAMES]]),
  ...of('executor', 'frames/reader', READER, [
    [
      'dispatch.bound',
      '    if (++this.#framesInPiece > MAX_FRAMES_A_PIECE) throw new FrameError(CLOSE.tooBig);\n',
      '',
      '[dispatch.bound] a peer that sends nothing but empty frames is cut off before it holds everybody up',
    ],
    [
      'dispatch.bound',
      '(first & 0x70) !== 0',
      '(first & 0x30) !== 0',
      `${BROKEN}a first reserved bit, as of compression`,
    ],
    [
      'dispatch.bound',
      '(!isLast || (second & 0x7f)',
      '((!isLast && opcode > 99) || (second & 0x7f)',
      `${BROKEN}a control frame in fragments`,
    ],
    [
      'dispatch.bound',
      '(opcode === OPCODE.continuation) === (this.#kind === null)',
      'opcode === OPCODE.continuation && this.#kind === null',
      `${BROKEN}a message within a message`,
    ],
    [
      'dispatch.bound',
      "((second & 0x80) !== 0) !== (this.#peer === 'client')",
      "(second & 0x80) !== 0 && this.#peer !== 'client'",
      `${BROKEN}a bare frame of a client`,
    ],
    [
      'dispatch.bound',
      "((second & 0x80) !== 0) !== (this.#peer === 'client')",
      "(second & 0x80) === 0 && this.#peer === 'client'",
      `${BROKEN}a masked frame of a server`,
    ],
    ['dispatch.bound', ' || (short === 127 && length < 65_536)', '', `${BROKEN}a middle length in the long form`],
    ['dispatch.bound', 'if (high > 0x7fff)', 'if (high > 0xffff)', `${BROKEN}a length with its first bit`],
    ['dispatch.bound', 'this.#octets > LIMITS.webSocketMessage || ', '', BOUNDED],
    ['dispatch.bound', '++this.#frames > LIMITS', 'this.#frames > LIMITS', BOUNDED],
    [
      'dispatch.bound',
      'if (!isCloseCode(code))',
      'if (!isCloseCode(code) && code === 7)',
      `${BROKEN}a close code that is never sent`,
    ],
    [
      'dispatch.bound',
      'if (!check.takes(reason) || !check.isWhole)',
      'if (!check.takes(reason))',
      `${BROKEN}a close reason cut in a character`,
    ],
  ]),
  ...of('executor', 'frames/utf8-check', READER, [
    ['response.clean', 'lead < 0xc2', 'lead < 0xc0', `${NO_TEXT}two octets for one of ASCII`],
    ['response.clean', 'lead > 0xf4', 'lead > 0xf7', `${NO_TEXT}a lead that there is none of`],
    ['response.clean', 'this.#least = 0xa0', 'this.#least = 0x80', `${NO_TEXT}three octets where two do`],
    ['response.clean', 'this.#most = 0x9f', 'this.#most = 0xbf', `${NO_TEXT}half of a pair`],
    ['response.clean', 'this.#least = 0x90', 'this.#least = 0x80', `${NO_TEXT}four octets where three do`],
    ['response.clean', 'this.#most = 0x8f', 'this.#most = 0xbf', `${NO_TEXT}beyond the last character`],
  ]),
  ...of('executor', 'frames/relay', HOSTILE, [
    ['response.clean', 'coming.scanner!.push(octets);', 'Buffer.from(octets);', FOUND],
    ['response.clean', '(this.#fromUpstream ??= begin(', '(this.#fromUpstream = begin(', FOUND],
    ['response.clean', 'redact(reason, this', 'redact(Buffer.from(reason), this', FOUND],
    [
      'response.clean',
      'if (this.#bytes > this.#options.maxBytes)',
      'if (this.#bytes > 99 * this.#options.maxBytes)',
      `${BOTH_END}more than a call may bring, in 1`,
    ],
    [
      'response.clean',
      '(!isLast || check.isWhole)',
      '(!isLast || octets.length >= 0)',
      `${BOTH_END}a text that ends in a character, in 1`,
    ],
    [
      'response.clean',
      'check.takes(octets) && (',
      'octets.length >= 0 && (',
      `${BOTH_END}a text that is no UTF-8, in 1`,
    ],
  ]),
  ...of('executor', 'frames/relay', RELAY, [
    [
      'revoke.fast',
      'peers.forEach((peer) => peer[Symbol.dispose]())',
      'peers.length',
      '[revoke.fast] what fails tells the caller why and is over at once, whatever its sockets do',
    ],
  ]),
  ...of('executor', 'frames/relay', DOOR, [
    ['response.clean', 'redact(reason, this', 'redact(Buffer.from(reason), this', IN_ALL],
  ]),
  ...of('executor', 'wire/handshake', HOSTILE, [
    [
      'response.clean',
      'accept[0] !== acceptOf(this.#key)',
      "accept[0] === ''",
      `${NO_SWITCH}the accept value of another key`,
    ],
    ['response.clean', 'accept.length !== 1 || ', '', `${NO_SWITCH}two accept values`],
    [
      'response.clean',
      "('sec-websocket-extensions').length > 0",
      "('sec-websocket-extensions').length > 9",
      `${NO_SWITCH}an extension that nobody offered`,
    ],
    ['response.clean', '!this.#offered.includes(one)', "one === ''", `${NO_SWITCH}a subprotocol that nobody offered`],
    ['response.clean', 'chosen.length > 1 || ', '', `${NO_SWITCH}two subprotocols`],
    ['response.clean', " || upgrade[0]!.toLowerCase() !== 'websocket'", '', `${NO_SWITCH}another protocol`],
  ]),
  ...of('executor', 'door/handshake', DOOR, [
    ['dispatch.bound', "upgrade.toLowerCase() !== 'websocket'", "upgrade === ''", `${NO_SHAPE}another protocol`],
    ['dispatch.bound', "if (method !== 'GET')", "if (method !== 'GET' && method !== 'POST')", `${NO_SHAPE}a POST`],
    ['dispatch.bound', "length !== '0' ||", "length === '' ||", `${NO_SHAPE}a body`],
    ['dispatch.bound', " || valuesOf('transfer-encoding').length > 0", '', `${NO_SHAPE}chunks`],
    ['dispatch.bound', "[0] !== '13'", "[0] === '7'", `${NO_SHAPE}an old version`],
    ['dispatch.bound', '[AQgw]==$/', '.==$/', `${NO_SHAPE}a key that is spelled in a second way`],
  ]),
  ...of('executor', 'door/request-shape', DOOR, [
    ['dispatch.bound', 'upgrade|sec-websocket-(?:key|version)|', 'upgrade|', `${NO_SHAPE}two keys`],
    [
      'dispatch.bound',
      'if (!isUpgrade && headers.some',
      'if (!isUpgrade && headers.length > 999 && headers.some',
      `${NO_SHAPE}no connection header that says so`,
    ],
  ]),
  ...of('executor', 'door/server', DOOR, [
    [
      'dispatch.bound',
      'route.isUpgradable !== true',
      'route.isUpgradable === false',
      '[dispatch.bound] no other address is upgraded: /livez',
    ],
  ]),
  ...of('executor', 'where/target', DOOR, [
    [
      'seal.bound',
      'webSocket: wish.webSocket !== undefined',
      'webSocket: false',
      '[seal.bound] no WebSocket where the sealed rule does not say so, nor by its token, nor past its slots',
    ],
  ]),
  ...of('executor', 'wire/worn', DOOR, [
    [
      'response.clean',
      'if (this.#handshake !== null && this.#holding !== null)',
      'if (this.#handshake !== null && this.#holding !== null && this.#redactions < 0)',
      '[response.clean] a credential short enough to be guessed opens no WebSocket',
    ],
  ]),
  ...of('executor', 'wire/exchange', DOOR, [
    [
      'revoke.fast',
      'if (this.#relay !== null) return this.#relay.fail(error);',
      'if (this.#relay !== null) return;',
      '[revoke.fast] an open WebSocket ends when its connection is revoked, at both ends, and is audited',
    ],
    [
      'token.bound',
      'Math.min(untilMs, this',
      'Math.max(untilMs, this',
      '[token.bound] a WebSocket ends with the window of the call it belongs to',
    ],
  ]),
  ...of('executor', 'who/window', WINDOW, [
    [
      'token.bound',
      '+ LIMITS.callWindowSeconds',
      '+ 2 * LIMITS.callWindowSeconds',
      '[token.bound] the window of a call ends 300 s after its proof',
    ],
    [
      'token.bound',
      'Math.min(signed, claims.iat)',
      'signed',
      '[token.bound] a proof from the future makes it no longer than the token does',
    ],
    [
      'token.bound',
      '? claims.exp :',
      '? claims.exp + 60 :',
      '[token.bound] without a proof, or with one that cannot be read, it ends with the token',
    ],
  ]),
  ...of('executor', 'wire/scan', MEMORY, [
    [
      'memory.clean',
      '    this.#held.fill(0);\n    const ranges',
      '    const ranges',
      '[memory.clean] leaves no copy of a credential or its keys: of a WebSocket, in a header',
    ],
  ]),
];
