/** Defences of the schemes that sign, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SIGNED = 'packages/executor/dist/wire/signed.test.js';
const INJECTION = 'packages/executor/dist/secret/injection.test.js';
const SIGV4 = 'packages/executor/dist/secret/sigv4.test.js';
const MEMORY = 'packages/executor/dist/secret/signed-memory.test.js';
const SCAN = 'packages/executor/dist/wire/scan.test.js';
const HMAC = 'packages/executor/dist/secret/hmac.test.js';
const HMAC_WIRE = 'packages/executor/dist/wire/hmac.test.js';
const OAUTH1 = 'packages/executor/dist/secret/oauth1.test.js';
const OAUTH1_WIRE = 'packages/executor/dist/wire/oauth1.test.js';
const DECODE = 'packages/executor/dist/secret/decode.test.js';
const SCHEME = 'packages/protocol/dist/scheme.test.js';

const IN_HEADER = '[memory.clean] leaves no copy of a credential or its keys: signing by aws_sigv4, in the header';
const OWN_PART = '[dispatch.bound] a request that brings a part of a signature is refused before anything is opened';
const TOO_LARGE = '[dispatch.bound] a body too large to be signed is refused before anything is opened or recorded';
const OVERRIDE = '[dispatch.bound] a method override in a body that is read for its signature is refused';
const BY_HMAC = '[memory.clean] leaves no copy of a credential or its keys: signing by hmac, with a key in base64';
const OWN_SLOT = '[dispatch.bound] a request that brings a slot of the signature is refused before anything is opened';
const UNFIT_BODY =
  '[dispatch.bound] a body that a signature needs is read whole, and refused before anything is opened where it does not fit';
const KEYS_LOOKED_FOR =
  '[response.clean] the key as it is sealed and as it is decoded, and the signature, are looked for in the answer';
const DIGEST_LOOKED_FOR = '[response.clean] a digest over a field is looked for in the answer like a signature';
const BY_OAUTH1 = '[memory.clean] leaves no copy of a credential or its keys: signing by oauth1';
const OWN_PARAMETER =
  '[dispatch.bound] a request that brings a parameter of the signature is refused before anything is opened';
const TOKEN_LOOKED_FOR =
  '[response.clean] both secrets, the token as it is written and the signature are looked for in the answer';
const HOLDS_UP = '[dispatch.bound] parameters that would hold up all other calls are refused before anything is opened';
const ONCE_MORE = '[response.clean] a signature in a query is looked for as it stands there, also encoded once more';
const LOOKED_FOR = '[response.clean] secret, token, every derived key and the signature are looked for in the answer';

export const SIGNERS: readonly Mutant[] = [
  ...of('protocol', 'scheme-aws', SIGNED, [
    ['dispatch.bound', "  'x-amz-date',\n", '', OWN_PART],
    ['dispatch.bound', "  'Signature',\n", '', OWN_PART],
  ]),
  ...of('protocol', 'scheme-aws', SCHEME, [
    [
      'seal.bound',
      "said.place === undefined ? 'header' : said.place",
      "said.place ?? 'header'",
      '[seal.bound] an envelope does not sign with a place that is null',
    ],
    [
      'seal.bound',
      "'text' in part && !PLAIN.test(part.text)",
      "'text' in part && part.text === '' && !PLAIN.test(part.text)",
      '[seal.bound] an envelope does not sign with an access key with a slash',
    ],
  ]),
  ...of('protocol', 'inject', SCHEME, [
    [
      'seal.bound',
      "if (schemes.some(({ scheme }) => scheme === 'aws_sigv4') && ",
      "if (schemes.some(({ scheme }) => scheme === 'hmac') && ",
      '[seal.bound] an envelope does not sign with a header of AWS in a slot',
    ],
    [
      'seal.bound',
      'if (schemes.length > 1)',
      'if (schemes.length > 9)',
      '[seal.bound] an envelope does not sign with two schemes',
    ],
  ]),
  ...of('executor', 'where/signable', SIGNED, [
    ['dispatch.bound', 'LIMITS.signedBody', '99 * LIMITS.signedBody', TOO_LARGE],
    [
      'dispatch.bound',
      "if (scheme.scheme !== 'hmac') pairsOf(",
      "if (scheme.scheme === 'oauth1') pairsOf(",
      '[dispatch.bound] a query that would hold up all other calls is not signed',
    ],
  ]),
  ...of('executor', 'body', SIGNED, [
    [
      'dispatch.bound',
      'if (body instanceof Uint8Array) assertNoOverrideField(body, ',
      'if (given instanceof Uint8Array) assertNoOverrideField(given, ',
      OVERRIDE,
    ],
  ]),
  ...of('executor', 'secret/inject', INJECTION, [
    [
      'response.clean',
      'if (secrets.some((secret) => areSame(secret, written)))',
      'if (secrets.some((secret) => secret.length === 0 && secret.equals(written)))',
      '[response.clean] a field in many slots is looked for once as it stands there',
    ],
  ]),
  ...of('executor', 'secret/inject', SIGV4, [
    [
      'dispatch.bound',
      '{ ...request, target });',
      '{ ...request, target: Buffer.from(request.target) });',
      '[dispatch.bound] slots that are filled are in what is signed',
    ],
  ]),
  ...of('executor', 'secret/sigv4', SIGV4, [
    [
      'response.clean',
      'lines: lines.take(), secrets: [...keys, signature], ...pieces };',
      'lines: lines.take(), secrets: [...keys.slice(3), signature] };',
      LOOKED_FOR,
    ],
    ['response.clean', '...(written === null ? [] : [ownedConcat(written.bytes)])', '', LOOKED_FOR],
    [
      'dispatch.bound',
      'const mayStream = isS3(scheme) && isTls;',
      'const mayStream = isS3(scheme) || isTls;',
      '[dispatch.bound] refuses to sign before anything is sent: a body that streams to another service than S3',
    ],
    [
      'dispatch.bound',
      '(octet) => octet > 0x20 && octet < 0x7f;',
      '(octet) => octet < 0x7f;',
      '[dispatch.bound] refuses to sign before anything is sent: a line break in a session token',
    ],
    [
      'dispatch.bound',
      '(octet) => UNRESERVED.has(octet);',
      '(octet) => octet !== 0x0a;',
      '[dispatch.bound] refuses to sign before anything is sent: an access key with a slash',
    ],
  ]),
  ...of('executor', 'secret/sigv4', MEMORY, [
    ['memory.clean', '  using first = held(', '  const first = held(', IN_HEADER],
  ]),
  ...of('executor', 'wire/worn', MEMORY, [
    [
      'memory.clean',
      'wipe(filled.target, filled.lines, filled.body, ...filled.secrets, ...former);',
      'wipe(filled.target, filled.lines, filled.body, ...former);',
      IN_HEADER,
    ],
  ]),
  ...of('executor', 'wire/scan', SCAN, [
    [
      'response.clean',
      'Math.min(line, data.length - Math.max(longestAcrossLines, 1) + 1)',
      'line + 0 * longestAcrossLines',
      '[response.clean] a value with a line end in it is found across any border, and holds back no more than itself',
    ],
  ]),
  ...of('protocol', 'scheme', HMAC_WIRE, [
    [
      'dispatch.bound',
      "headers: named('header'), query: named('query')",
      "headers: [], query: named('header')",
      OWN_SLOT,
    ],
    [
      'dispatch.bound',
      "headers: named('header'), query: named('query')",
      "headers: named('header'), query: []",
      OWN_SLOT,
    ],
  ]),
  ...of('protocol', 'scheme-hmac', SCHEME, [
    [
      'seal.bound',
      "sign: parseSigningTemplate(said.sign, [...REQUEST, 'digest'])",
      "sign: parseSigningTemplate(said.sign, [...REQUEST, 'digest', 'signature'])",
      '[seal.bound] an envelope does not sign with its own signature',
    ],
    [
      'seal.bound',
      'if (namesPart(hmac, part) === (hmac[part] === undefined))',
      'if (namesPart(hmac, part) && hmac[part] === undefined)',
      '[seal.bound] an envelope does not sign with a time that is nowhere',
    ],
  ]),
  ...of('executor', 'where/signable', HMAC_WIRE, [
    [
      'dispatch.bound',
      "typeof scheme.nonce === 'object') readFormField(",
      "typeof scheme.nonce === 'object' && body.length < 0) readFormField(",
      UNFIT_BODY,
    ],
  ]),
  ...of('executor', 'where/form', HMAC, [
    [
      'dispatch.bound',
      'found.length === 1 && ',
      'found.length > 0 && ',
      '[dispatch.bound] refuses to sign before anything is sent: a form with the nonce as in "nonce=1&n%6Fnce=2"',
    ],
    [
      'dispatch.bound',
      ' || !VALUE.test(value))',
      " || (value === '' && !VALUE.test(value)))",
      '[dispatch.bound] refuses to sign before anything is sent: a form with the nonce as in "nonce=a%20b"',
    ],
    [
      'dispatch.bound',
      '`&${text}&`.includes(`&${name}=${value}&`)',
      'found[0]!.startsWith(`${name}=`)',
      '[dispatch.bound] refuses to sign before anything is sent: a form with the nonce as in "a=1;nonce=2"',
    ],
  ]),
  ...of('executor', 'secret/hmac', HMAC, [
    ['response.clean', 'secrets: [ownedConcat(key.bytes), ...made', 'secrets: [...made', KEYS_LOOKED_FOR],
    [
      'response.clean',
      '[...new Set(namedFields(inQuery))]',
      'namedFields(inQuery)',
      '[response.clean] a field that is put many times is looked for once',
    ],
    ['response.clean', '...(isKeyed(scheme) ? [', '...(signature.length === 0 ? [', DIGEST_LOOKED_FOR],
    ['response.clean', 'const made = [signature, ...', 'const made = [...', KEYS_LOOKED_FOR],
    [
      'response.clean',
      'if (decoded.length >= LIMITS.shortestValue)',
      'if (decoded.length >= LIMITS.shortestValue - 1)',
      '[dispatch.bound] refuses to sign before anything is sent: a decoded key of seven octets',
    ],
    [
      'dispatch.bound',
      'if (!octets.every(HEADER_OCTET)) throw',
      'if (octets.length === 0 && !octets.every(HEADER_OCTET)) throw',
      '[dispatch.bound] refuses to sign before anything is sent: a line break in a header',
    ],
  ]),
  ...of('executor', 'secret/hmac', HMAC_WIRE, [
    [
      'response.clean',
      '[...written, percent(named.signature!)] : written',
      'written.filter(() => named.signature !== null) : written',
      ONCE_MORE,
    ],
    ['response.clean', 'new Set(namedFields(inQuery))', 'new Set(namedFields([]))', ONCE_MORE],
  ]),
  ...of('executor', 'wire/spellings', SIGNED, [
    [
      'response.clean',
      'if (at > 0) out.octet(0x20);',
      'if (at > 0) out.octet(0x2d);',
      '[response.clean] an upstream that gives back the secret, a derived key or the signature gives nothing away',
    ],
  ]),
  ...of('protocol', 'dispatch', SIGNED, [
    [
      'dispatch.bound',
      '|[a-z]+-(?:copy|rename)-source',
      '',
      '[dispatch.bound] nothing is signed for a path that was not sealed, nor to copy from one',
    ],
  ]),
  ...of('executor', 'secret/hmac', MEMORY, [
    ['memory.clean', '  using key = decodedKey(', '  const key = decodedKey(', BY_HMAC],
  ]),
  ...of('executor', 'secret/decode', DECODE, [
    [
      'seal.bound',
      'return pending === 0 ? out.take() : null;',
      'return out.take();',
      '[seal.bound] a key in another spelling than the one that was meant is none',
    ],
  ]),
  ...of('protocol', 'scheme-oauth1', SCHEME, [
    [
      'seal.bound',
      'if ((said.token === undefined) !== (said.token_secret === undefined))',
      'if (said.token === undefined && said.token_secret !== undefined)',
      '[seal.bound] an envelope does not sign with a token without its secret',
    ],
  ]),
  ...of('protocol', 'scheme-oauth1', OAUTH1_WIRE, [
    ['dispatch.bound', "['consumer_key', 'token', ", "['consumer_key', ", OWN_PARAMETER],
  ]),
  ...of('executor', 'where/signable', OAUTH1_WIRE, [
    ['dispatch.bound', '&& hasOAuthField(body))', '&& body.length < 0 && hasOAuthField(body))', OWN_PARAMETER],
    ['dispatch.bound', "'oauth1' && isForm(to.headers) ? LIMITS", "'hmac' && isForm(to.headers) ? LIMITS", HOLDS_UP],
    ['dispatch.bound', 'whole.length > most) throw', 'whole.length < 0) throw', HOLDS_UP],
  ]),
  ...of('executor', 'where/form', OAUTH1_WIRE, [
    ['dispatch.bound', 'text.split(/[&;]/, ', "text.split('&', ", OWN_PARAMETER],
    ['dispatch.bound', 'return bareName(decodedName(pair', "return (bareName('') + decodedName(pair", OWN_PARAMETER],
    ['dispatch.bound', 'if (pairs.length > ', 'if (pairs.length > 9 * ', HOLDS_UP],
  ]),
  ...of('executor', 'secret/oauth1', OAUTH1, [
    [
      'dispatch.bound',
      'isForm(headers) ? body : new Uint8Array(0);',
      'isForm(headers) ? (body ?? new Uint8Array(0)) : new Uint8Array(0);',
      '[dispatch.bound] refuses to sign before anything is sent: a form that streams',
    ],
    [
      'response.clean',
      'secrets: [signature, inHeader, ...written]',
      'secrets: [signature, inHeader, ...written.slice(2)]',
      TOKEN_LOOKED_FOR,
    ],
    ['response.clean', 'secrets: [signature, inHeader, ', 'secrets: [inHeader, ', TOKEN_LOOKED_FOR],
  ]),
  ...of('executor', 'secret/oauth1', OAUTH1_WIRE, [
    [
      'response.clean',
      'secrets: [signature, inHeader, ',
      'secrets: [signature, ',
      '[response.clean] an upstream that gives back what was signed with, or the signature, gives nothing away',
    ],
  ]),
  ...of('executor', 'secret/oauth1', MEMORY, [
    ['memory.clean', '  using key = held(', '  const key = held(', BY_OAUTH1],
  ]),
];
