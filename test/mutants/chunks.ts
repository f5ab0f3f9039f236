/** Defences of bodies in signed pieces, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const PIECES = 'packages/executor/dist/secret/aws-chunks.test.js';
const WIRE = 'packages/executor/dist/wire/chunks.test.js';
const SIGNED = 'packages/executor/dist/wire/signed.test.js';
const MEMORY = 'packages/executor/dist/secret/signed-memory.test.js';
const SCHEME = 'packages/protocol/dist/scheme.test.js';

const LENGTH = '[dispatch.bound] a body that is not as long as was said has no last piece';
const NOTHING_ELSE = '[dispatch.bound] nothing but an unsigned piece is signed';
const WHOLE = '[dispatch.bound] a body that is there whole, or whose length nobody said, is signed by its hash';

/** All of them, in the order in which they are tried. */
export const CHUNKS: readonly Mutant[] = [
  ...of('executor', 'secret/aws-chunks', PIECES, [
    ['dispatch.bound', 'if (this.#left > 0)', 'if (this.#left > 99)', LENGTH],
    ['dispatch.bound', 'if (this.#left < 0)', 'if (this.#left < -99)', LENGTH],
    ['dispatch.bound', 'frame.length !== frameLength(size) || ', '', NOTHING_ELSE],
    ['dispatch.bound', " || frame.toString('latin1', at, at + SIGNATURE) !== BLANK", '', NOTHING_ELSE],
  ]),
  ...of('executor', 'secret/aws-chunks', WIRE, [
    [
      'dispatch.bound',
      'this.#key, this.#scope, this.#before, text)',
      'this.#key, this.#scope, Buffer.alloc(64, 48), text)',
      '[dispatch.bound] each octet, each piece and their order are signed',
    ],
  ]),
  ...of('executor', 'where/signable', WIRE, [
    [
      'dispatch.bound',
      "scheme.payload === 'chunks' ? length === undefined : ",
      "scheme.payload !== 'chunks' && ",
      WHOLE,
    ],
    [
      'dispatch.bound',
      "value.includes('aws-chunked')",
      "value === 'chunked'",
      '[dispatch.bound] the coding of the caller comes first, and pieces of its own are refused before anything is opened',
    ],
  ]),
  ...of('executor', 'wire/worn', MEMORY, [
    [
      'memory.clean',
      'this.#chunkKey?.[Symbol.dispose]();\n',
      '',
      '[memory.clean] leaves no copy of a credential or its keys: signing by aws_sigv4, piece by piece',
    ],
  ]),
  ...of('protocol', 'scheme-aws', SIGNED, [
    [
      'dispatch.bound',
      "  'x-amz-decoded-content-length',\n",
      '',
      '[dispatch.bound] a request that brings a part of a signature is refused before anything is opened',
    ],
  ]),
  ...of('protocol', 'scheme-aws', SCHEME, [
    [
      'seal.bound',
      "if (service !== 's3' || isQuery)",
      'if (isQuery)',
      '[seal.bound] an envelope does not sign with pieces to others than S3',
    ],
  ]),
];
