/** Defences of credentials that are exchanged for a token, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const test = (room: string, name: string): string => `packages/${room}/dist/${name}.test.js`;
const SCHEME = test('protocol', 'token-scheme');
const DISPATCH = test('executor', 'exchanged');
const ASSERTION = test('executor', 'secret/assertion');
const MEMORY = test('executor', 'secret/exchanged-memory');
const RSA = test('executor', 'secret/rsa');
const OPEN = test('executor', 'open');
const TOKENS = test('executor', 'wire/tokens');
const refuses = (what: string): string =>
  `[dispatch.bound] a token endpoint that answers with ${what} is refused, and the API is not asked`;

export const EXCHANGED: readonly Mutant[] = [
  ...of('protocol', 'token-endpoint', SCHEME, [
    [
      'seal.bound',
      '  if (isAllowed)\n',
      '  if (isAllowed && allow.length > 99)\n',
      '[seal.bound] an envelope that allows its own token endpoint is refused, however it is spelled',
    ],
    [
      'seal.bound',
      'matchesPath(loosePath(pattern) as PathPattern, loosePath(path))',
      'matchesPath(pattern as PathPattern, path + loosePath(path))',
      '[seal.bound] an envelope that allows its own token endpoint is refused, however it is spelled',
    ],
  ]),
  ...of('executor', 'dispatch', DISPATCH, [
    [
      'dispatch.bound',
      'endpoints.push(await deps.upstream.check(endpoint));',
      'endpoints.push(endpoint === origin ? target : target);',
      '[dispatch.bound] the token endpoint is asked once everything was allowed and written down, then the API',
    ],
    [
      'token.bound',
      'answer.status === 401) exchanged',
      'answer.status === 499) exchanged',
      'a token is used again until the API refuses it, and its answer goes back as it is',
    ],
  ]),
  ...of('executor', 'changes', DISPATCH, [
    [
      'revoke.fast',
      '    tokens.drop(change.handle);\n',
      '',
      '[revoke.fast] a connection that was suspended in between has a new token asked for',
    ],
    [
      'revoke.fast',
      "const WHOLE: readonly Revocable[] = ['owner', 'org'];",
      "const WHOLE: readonly Revocable[] = ['owner'];",
      '[revoke.fast] an owner or an organisation that is revoked ends all tokens; a grant does not',
    ],
  ]),
  ...of('executor', 'wire/token-call', TOKENS, [
    [
      'dispatch.bound',
      'if (answer.status !== successOf(scheme)) throw',
      'if (answer.status > 399) throw',
      refuses('a redirect'),
    ],
    [
      'dispatch.bound',
      'maxResponseBytes: LIMITS.tokenAnswer',
      'maxResponseBytes: 99 * LIMITS.tokenAnswer',
      '[dispatch.bound] a token endpoint that answers with more than is read of it ends the dispatch with RESPONSE_TOO_LARGE',
    ],
    [
      'response.clean',
      'if (whyUnfindable(token) !== null) throw',
      'if (whyUnfindable(token) === "") throw',
      refuses('a token that repeats itself'),
    ],
  ]),
  ...of('executor', 'wire/token-call', MEMORY, [
    [
      'memory.clean',
      '    wipe(token);\n',
      '',
      '[memory.clean] leaves no copy of a client secret shown by client_secret_basic, nor of a token that is used once',
    ],
    [
      'memory.clean',
      '    wipe(octets);\n',
      '',
      '[memory.clean] leaves no copy of a client secret shown by client_secret_post, nor of a token that is used once',
    ],
  ]),
  ...of('executor', 'wire/worn', MEMORY, [
    [
      'memory.clean',
      'wipe(filled.target, filled.lines, filled.body, ',
      'wipe(filled.target, filled.lines, ',
      '[memory.clean] leaves no copy of a client secret shown by client_secret_post, nor of a token that is used once',
    ],
  ]),
  ...of('executor', 'secret/token-answer', TOKENS, [
    [
      'dispatch.bound',
      '!isText(type, BEARER, true)',
      '!isText(type, type.length > 0 ? type : BEARER, true)',
      refuses('another token type'),
    ],
    [
      'dispatch.bound',
      'token.length > 0 && token.every(isVisible)',
      'token.length > 0 && token.some(isVisible)',
      refuses('a token with a line end'),
    ],
  ]),
  ...of('executor', 'secret/json-members', TOKENS, [
    ['dispatch.bound', '    if (this.members[known] !== null) return false;\n', '', refuses('two tokens')],
  ]),
  ...of('executor', 'secret/inject', TOKENS, [
    [
      'response.clean',
      'const secrets: Buffer[] = [...opened];',
      'const secrets: Buffer[] = [...opened].slice(1);',
      '[response.clean] an API that echoes the token or the client secret gives neither away',
    ],
    [
      'response.clean',
      'for (const name of searchedFields(injections)) {',
      'for (const name of searchedFields(slots)) {',
      '[response.clean] an API that echoes the token or the client secret gives neither away',
    ],
  ]),
  ...of('executor', 'wire/tokens', TOKENS, [
    [
      'token.bound',
      'kept.until > this.#monotonic()',
      'kept.until > 0',
      'a token is asked for once, and used until shortly before its end',
    ],
    [
      'revoke.fast',
      '!flight.isDropped && seconds > 0',
      'seconds > 0',
      '[revoke.fast] what changes a connection ends its tokens, also one that is being asked for',
    ],
    [
      'seal.bound',
      'return `${handle} ${ver}`;',
      'return `${handle} ${ver > 0}`;',
      '[seal.bound] a token is kept for one version of one connection',
    ],
    [
      'dispatch.bound',
      '    this.#flights.set(key, flight);\n',
      '',
      '[dispatch.bound] many dispatches at once ask for one token',
    ],
  ]),
  ...of('executor', 'secret/pkcs8', ASSERTION, [
    [
      'dispatch.bound',
      "numbers.kind === 'ec' ? ",
      'numbers.secret[0] !== undefined ? ',
      '[dispatch.bound] a private key of Ed25519 for ES256 signs nothing',
    ],
  ]),
  ...of('executor', 'secret/key-der', ASSERTION, [
    [
      'dispatch.bound',
      ' || end !== der.length || !der.subarray(start, keyAt).equals(kind)) return false;\n  return innerItems(der, kind).every((item) => item.end <= der.length);',
      ' || !der.subarray(start, keyAt).equals(kind)) return false;\n  return true;',
      '[dispatch.bound] a private key that is cut off signs nothing',
    ],
  ]),
  ...of('executor', 'secret/rsa', RSA, [
    ['dispatch.bound', 'length < LEAST_OCTETS || ', '', '[dispatch.bound] a key of RSA with 1024 bits signs nothing'],
    [
      'dispatch.bound',
      'isGood = isSignature(signature, key, input);',
      'isGood = signature.length > 0;',
      '[dispatch.bound] a key of RSA with another private exponent signs nothing',
    ],
    [
      'memory.clean',
      '    group.setPrivateKey(DECOY);\n',
      '',
      '[memory.clean] of the shares of an exponent nothing stays, neither with us nor in OpenSSL',
    ],
    [
      'memory.clean',
      '    wipe(mask, masked, blinded, isGood ? null : signature);\n',
      '',
      '[memory.clean] of the shares of an exponent nothing stays, neither with us nor in OpenSSL',
    ],
    [
      'memory.clean',
      '  randomFillSync(mask);\n',
      '',
      '[memory.clean] a share is another one each time, and no piece of the exponent is in it',
    ],
  ]),
  ...of('executor', 'secret/key-der', MEMORY, [
    [
      'memory.clean',
      '  wipe(decoded);\n',
      '',
      '[memory.clean] leaves no copy of a private key in pem that signs by RS256',
    ],
  ]),
  ...of('executor', 'secret/plaintext', OPEN, [
    [
      'memory.clean',
      '    this.#keeping?.fill(0);\n',
      '',
      '[memory.clean] the key that came out of an opening ends with it',
    ],
  ]),
];
