/** Defences of the schemes that sign, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SIGNED = 'packages/executor/dist/wire/signed.test.js';
const SIGV4 = 'packages/executor/dist/secret/sigv4.test.js';
const MEMORY = 'packages/executor/dist/secret/memory.test.js';
const SCAN = 'packages/executor/dist/wire/scan.test.js';
const SCHEME = 'packages/protocol/dist/scheme.test.js';

const IN_HEADER = '[memory.clean] leaves no copy of a credential or its keys: signing by aws_sigv4, in the header';
const OWN_PART = '[dispatch.bound] a request that brings a part of a signature is refused before anything is opened';
const TOO_LARGE = '[dispatch.bound] a body too large to be signed is refused before anything is opened or recorded';
const OVERRIDE = '[dispatch.bound] a method override in a body that is read for its signature is refused';
const LOOKED_FOR = '[response.clean] secret, token, every derived key and the signature are looked for in the answer';

export const SIGNERS: readonly Mutant[] = [
  ...of('protocol', 'scheme', SIGNED, [
    ['dispatch.bound', "['authorization', 'x-amz-date', ", "['authorization', ", OWN_PART],
    ['dispatch.bound', "'SignedHeaders', 'Signature']", "'SignedHeaders']", OWN_PART],
  ]),
  ...of('protocol', 'scheme', SCHEME, [
    [
      'seal.bound',
      "said.place === undefined ? 'header' : said.place",
      "said.place ?? 'header'",
      '[seal.bound] an envelope does not sign with a place that is null',
    ],
    [
      'seal.bound',
      "'text' in part && !PLAIN.test(part.text)",
      "'text' in part && part.text === ''",
      '[seal.bound] an envelope does not sign with an access key with a slash',
    ],
  ]),
  ...of('protocol', 'inject', SCHEME, [
    [
      'seal.bound',
      'if (schemes.length > 0 && injections.some(isAmazon))',
      'if (schemes.length > 9 && injections.some(isAmazon))',
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
  ]),
  ...of('executor', 'dispatch', SIGNED, [
    [
      'dispatch.bound',
      'if (body instanceof Uint8Array) assertNoOverrideField(body, ',
      'if (request.body instanceof Uint8Array) assertNoOverrideField(request.body, ',
      OVERRIDE,
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
      'lines: lines.take(), secrets: [...keys, signature] };',
      'lines: lines.take(), secrets: [] };',
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
  ...of('executor', 'wire/exchange', MEMORY, [
    [
      'memory.clean',
      'wipe(filled.target, filled.lines, ...filled.secrets);',
      'wipe(filled.target, filled.lines);',
      IN_HEADER,
    ],
  ]),
  ...of('executor', 'wire/scan', SCAN, [
    [
      'response.clean',
      'Math.min(data.lastIndexOf(LINE_FEED) + 1, data.length - Math.max(longestAcrossLines, 1) + 1)',
      'data.lastIndexOf(LINE_FEED) + 1 + 0 * longestAcrossLines',
      '[response.clean] a value with a line end in it is found across any border, and holds back no more than itself',
    ],
  ]),
];
