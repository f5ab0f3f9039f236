/**
 * Signing (spec/dauth.md §2.5): a scheme signs the request with every slot filled, which is what goes upstream.
 * Never decides where a request may go: that was decided before anything was opened, and a signature changes none of it.
 */
import type { Scheme } from '@dauth/protocol';
import type { ChunkKey } from './aws-chunks.ts';
import type { Fields } from './fill.ts';
import { signHmac } from './hmac.ts';
import { signOAuth1 } from './oauth1.ts';
import { signAws } from './sigv4.ts';

/** A request as it goes upstream, but for what a signature adds. */
export interface Outgoing {
  readonly method: string;
  /** Path and query, every slot filled. */
  readonly target: Buffer;
  /** The caller's headers that go along, lowercase names. Lines that slots fill are not signed. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of the Host header. */
  readonly host: string;
  readonly isTls: boolean;
  /** The whole body, empty where there is none; null where it streams by. */
  readonly body: Uint8Array | null;
  /** Octets of a body that streams by in signed pieces. */
  readonly piecesOf?: number;
  /** Milliseconds since the epoch, by the executor's clock. */
  readonly atMs: number;
  /** A nonce that nobody can guess, another one each time: letters, digits and "-". */
  readonly random: () => string;
}

/** What a signature adds. All buffers are owned memory; whoever takes them zeroes them. */
export interface Signed {
  readonly target: Buffer;
  /** Header lines, each with its CRLF. */
  readonly lines: Buffer;
  /** What an answer must not contain: derived keys, and the signature, which a copy of the request would work with. */
  readonly secrets: readonly Buffer[];
  /** What the pieces of a body are signed with, where it streams by in such. */
  readonly chunkKey?: ChunkKey;
}

/** @throws DAuthError `POLICY_DENIED` for a field or a body that the scheme cannot sign with */
export function sign(scheme: Scheme, fields: Fields, request: Outgoing): Signed {
  switch (scheme.scheme) {
    case 'aws_sigv4':
      return signAws(scheme, fields, request);
    case 'hmac':
      return signHmac(scheme, fields, request);
    case 'oauth1':
      return signOAuth1(scheme, fields, request);
  }
}
