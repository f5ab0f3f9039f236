/** Defences of `verify`, the public-key half, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const TOKEN = 'test/dist/attacks/token.test.js';
const CALLER = 'packages/verify/dist/caller-token.test.js';
const GATE = 'packages/mcp/dist/protect.test.js';
const WHO = 'packages/executor/dist/who/dispatch-who.test.js';
const JWKS = 'packages/verify/dist/jwks.test.js';
const JWS = 'packages/verify/dist/jws.test.js';
const KEY = 'packages/verify/dist/key.test.js';
const RSA = 'packages/verify/dist/rsa.test.js';
const VECTORS = 'packages/verify/dist/vectors.test.js';

export const VERIFY: readonly Mutant[] = [
  ...[
    { file: GATE, name: '[token.bound] a proof with alg none is refused with 401 invalid_dpop_proof' },
    { file: WHO, name: '[token.bound] step 2 refuses a proof with alg none' },
  ].map((test): Mutant => ({
    claim: 'token.bound',
    file: 'packages/verify/src/jws.ts',
    find: "if (typeof alg !== 'string' || !algs.includes(alg))",
    replace: "if (typeof alg !== 'string' || algs.length === 0)",
    test,
  })),
  ...[
    { file: GATE, name: '[token.bound] a proof with an unknown crit is refused with 401 invalid_dpop_proof' },
    { file: WHO, name: '[token.bound] step 2 refuses a proof with unknown crit' },
  ].map((test): Mutant => ({
    claim: 'token.bound',
    file: 'packages/verify/src/jws.ts',
    find: "if (Object.hasOwn(jws.header, 'crit'))",
    replace: "if (Object.hasOwn(jws.header, ''))",
    test,
  })),
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: 'if (options.requireJkt !== undefined && jkt !== options.requireJkt)',
    replace: "if (options.requireJkt === '')",
    test: { file: TOKEN, name: '[token.bound] a stolen token with a proof by another key is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/rfc9068.ts',
    find: "  if (claimText({ aud }, 'aud', MAX_NAME, subject) !== options.audience)",
    replace: "  if (claimText({ aud }, 'aud', MAX_NAME, subject) === '')",
    test: {
      file: TOKEN,
      name: '[token.bound] a token for the MCP server is worth nothing at the authority or the executor',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/jws.ts',
    find: "if (Object.hasOwn(jws.header, 'crit'))",
    replace: "if (Object.hasOwn(jws.header, ''))",
    test: { file: JWS, name: '[token.bound] any crit is refused, known extension or not' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/jws.ts',
    find: 'if (!key.algs.includes(jws.header.alg as string))',
    replace: 'if (key.algs.length === 0)',
    test: { file: JWS, name: '[token.bound] the algorithm is the key’s: a header that names the other one is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/jws.ts',
    find: 'if (!fits) refuseSubject',
    replace: "if (!fits && typ === '') refuseSubject",
    test: {
      file: JWS,
      name: '[token.bound] another typ is refused, also in another case, with a media type prefix, or absent',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/jws.ts',
    find: "if (!isSignedBy(key, Buffer.from(jws.signingInput, 'latin1'), jws.signature))",
    replace:
      "if (!isSignedBy(key, Buffer.from(jws.signingInput, 'latin1'), jws.signature) && jws.signature.length === 0)",
    test: { file: JWS, name: '[token.bound] a signature by another key is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: 'if (htm !== options.htm)',
    replace: "if (htm !== options.htm && htm === '')",
    test: { file: VECTORS, name: '[token.bound] vector: a proof with another method is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: 'if (!matchesHtu(htu, options.htu))',
    replace: "if (!matchesHtu(htu, options.htu) && htu === '')",
    test: { file: VECTORS, name: '[token.bound] vector: a proof with another URL is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: "if (!equalSecret(claimName(claims, 'ath', MAX_JTI, subject), ath))",
    replace: "if (!equalSecret(claimName(claims, 'ath', MAX_JTI, subject), ath) && ath === '')",
    test: { file: VECTORS, name: '[token.bound] vector: a proof with another token is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: 'if (iat < options.now - options.windowSeconds)',
    replace: 'if (iat < 0)',
    test: { file: VECTORS, name: '[token.bound] vector: a proof with too old is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/carried.ts',
    find: 'if (!allowed.includes(verified.jkt))',
    replace: 'if (allowed.length === 0)',
    test: { file: VECTORS, name: '[token.bound] vector: a carried proof by another key is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/key.ts',
    find: "SMALL_ORDER.includes(point.toString('hex'))",
    replace: "(SMALL_ORDER.includes(point.toString('hex')) && point.length === 0)",
    test: { file: KEY, name: 'Ed25519 points of small order are refused, with either sign' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/jwks.ts',
    find: 'this.#options.now() - this.#triedAt < this.#options.coolDownMs',
    replace: 'this.#options.coolDownMs < 0',
    test: { file: JWKS, name: 'an unknown id fetches once per cool-down, however often it is asked for' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/verify/src/seal.ts',
    find: 'said.sha256 === digest',
    replace: "(said.sha256 === digest || said.sha256 !== '')",
    test: { file: VECTORS, name: '[seal.bound] vector: a seal proof with another envelope is refused' },
  },
  {
    claim: 'seal.bound',
    file: 'packages/verify/src/seal.ts',
    find: 'if (!trusted.includes(signed.jkt))',
    replace: 'if (trusted.length === 0)',
    test: { file: VECTORS, name: '[seal.bound] vector: a seal chain with an endorsement by a stranger is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/replay.ts',
    find: 'if (this.#keys.size >= this.#capacity / 2 && held >= this.#perKey)',
    replace: 'if (held < 0)',
    test: {
      file: 'packages/verify/dist/replay.test.js',
      name: '[token.bound] one key cannot fill the store for the others: past its half a key has its quota',
    },
  },
  ...of('verify', 'caller-token', CALLER, [
    [
      'token.bound',
      'const details = options.isDauth ?',
      "const details = options.isDauth || claims.sub !== '' ?",
      '[token.bound] a connection that another issuer names is none',
    ],
    [
      'token.bound',
      'if (claims[name] === undefined || claims[name] === null)',
      "if (name === '')",
      '[token.bound] a token of another issuer without a claim is refused where the claim is required',
    ],
    [
      'token.bound',
      'claims.cnf === undefined && options.allowUnbound',
      'claims.cnf === undefined',
      '[token.bound] another issuer’s token with no key is refused',
    ],
    [
      'token.bound',
      'Array.isArray(aud) && aud.length === 1',
      'Array.isArray(aud) && aud.length > 0',
      '[token.bound] another issuer’s token with two audiences is refused',
    ],
  ]),
  ...of('verify', 'rfc9068', CALLER, [
    [
      'token.bound',
      "if (claimText(claims, 'iss', MAX_NAME, subject) !== options.issuer)",
      "if (claimText(claims, 'iss', MAX_NAME, subject) === '')",
      '[token.bound] another issuer’s token with another issuer is refused',
    ],
    [
      'token.bound',
      'exp - iat > (options.maxLifetime ?? LIMITS.accessTokenSeconds)',
      'exp - iat > (options.maxLifetime ?? 1_000 * LIMITS.accessTokenSeconds)',
      '[token.bound] another issuer’s token with a life that is too long is refused',
    ],
  ]),
  ...of('verify', 'rsa', RSA, [
    [
      'token.bound',
      'bits < MODULUS_BITS.least ||',
      'bits < 0 ||',
      '[token.bound] an RSA key is refused: a modulus of 1024 bits',
    ],
    [
      'token.bound',
      'e !== EXPONENT',
      "typeof e !== 'string' || e === EXPONENT.toLowerCase()",
      '[token.bound] an RSA key is refused: an exponent of 3',
    ],
    [
      'token.bound',
      "Object.hasOwn(value, 'd')",
      "Object.hasOwn(value, '')",
      '[token.bound] an RSA key is refused: private members',
    ],
  ]),
  ...of('verify', 'rsa', CALLER, [
    [
      'token.bound',
      'algs: Object.freeze([alg]),',
      'algs: RSA_ALGS,',
      '[token.bound] RSA is for other issuers only, one algorithm a key',
    ],
  ]),
  ...of('verify', 'jwks', RSA, [
    [
      'token.bound',
      "rsa && value.kty === 'RSA'",
      "(rsa || value.kty === 'RSA') && value.kty === 'RSA'",
      'a key set holds RSA keys only where that was asked for',
    ],
  ]),
  ...(
    [
      ['bits < MODULUS_BITS.least ||', '', 'RSA keys of fewer than 2048 bits or more than 4096 are refused'],
      ['|| bits > MODULUS_BITS.most)', ')', 'RSA keys of fewer than 2048 bits or more than 4096 are refused'],
      [
        '|| e !== EXPONENT)',
        "|| (e !== EXPONENT && typeof e !== 'string'))",
        'an RSA key with a strange exponent or modulus is refused',
      ],
      [', saltLength: 32 }', ' }', 'a PS256 salt of another length is refused (RFC 7518 §3.5)'],
    ] as const
  ).map(([find, replace, name]): Mutant => {
    const test = { file: 'packages/verify/dist/issuer-jws.test.js', name: `[token.bound] ${name}` };
    return { claim: 'token.bound', file: 'packages/verify/src/rsa.ts', find, replace, test };
  }),
  ...of('verify', 'verified', 'packages/verify/dist/verified.test.js', [
    [
      'token.bound',
      'this.#keys.get(digest) === key',
      'this.#keys.has(digest)',
      '[token.bound] a token that verified by one key is verified again by another',
    ],
    [
      'token.bound',
      'sha256Base64url(compact)',
      "sha256Base64url(compact.slice(0, compact.lastIndexOf('.')))",
      '[token.bound] a token with another signature is another token, and is verified',
    ],
    [
      'token.bound',
      '    assertSigned();\n',
      '',
      '[token.bound] a token with another signature is another token, and is verified',
    ],
  ]),
  ...of('verify', 'read-tokens', 'packages/verify/dist/read-tokens.test.js', [
    [
      'token.bound',
      'known.key === (await jwks.resolveNamed(known.header, subject))',
      'known.key.algs.length > 0',
      '[token.bound] a token that was taken once is refused when it ended, and when its key is published no more',
    ],
    [
      'token.bound',
      'assertTyp(known.header, kind.typ, subject);',
      '',
      '[token.bound] a token that was taken once is no token of another type',
    ],
  ]),
  ...of('verify', 'caller-token', 'packages/verify/dist/read-tokens.test.js', [
    [
      'token.bound',
      'const ath = sha256Base64url(token);',
      "const ath = sha256Base64url(token.slice(0, token.lastIndexOf('.')));",
      '[token.bound] a token with another signature than one that was taken is verified, and refused',
    ],
  ]),
  ...of('verify', 'key', KEY, [
    [
      'token.bound',
      'const sign = digits[0]! >>> 7;',
      'const sign = 0;',
      '[token.bound] an ES256 signature is one exactly where Node itself takes its R‖S for one',
    ],
  ]),
  ...of('protocol', 'frozen', 'packages/verify/dist/read-tokens.test.js', [
    [
      'token.bound',
      'return Object.freeze(value);',
      'return value;',
      '[token.bound] what a token says that is shown again can be changed by nobody, at any depth',
    ],
  ]),
  ...of('verify', 'heads', 'packages/verify/dist/heads.test.js', [
    [
      'token.bound',
      'header: frozen(header)',
      'header',
      '[token.bound] a header that is remembered can be changed by nobody',
    ],
    [
      'token.bound',
      "return compact.slice(0, compact.indexOf('.'));",
      'return compact.slice(0, 40);',
      '[token.bound] a header that begins like another one is another one, with a key of its own',
    ],
  ]),
  ...of('verify', 'jws', 'packages/verify/dist/heads.test.js', [
    [
      'token.bound',
      '  settle(compact, jws, key, options, subject);\n  if (known === undefined) keepHead(compact, { header: jws.header, key });',
      '  if (known === undefined) keepHead(compact, { header: jws.header, key });\n  settle(compact, jws, key, options, subject);',
      '[token.bound] the header of a proof that did not verify is not remembered',
    ],
    [
      'token.bound',
      'assertTyp(jws.header, options.typ, subject);',
      'if (known === undefined) assertTyp(jws.header, options.typ, subject);',
      '[token.bound] a header that is remembered is still of the wrong type for another reader',
    ],
  ]),
];
