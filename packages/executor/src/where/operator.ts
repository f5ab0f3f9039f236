/**
 * The operator's rules at step 4, after the envelope's and the token's: whatever those allow, this only narrows. Never said to
 * a caller which names or ranges they are.
 */
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { DAuthError, deniesOrigin, operatorUnmet, type OperatorRules, type Origin } from '@dauth/protocol';
import type { Destination } from './target.ts';

const SENTENCES: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null as never,
  origin: 'The operator of this executor does not allow this destination.',
  methods: 'The operator of this executor does not allow this method.',
  hours: 'The operator of this executor does not allow requests at this time.',
});

type Body = Readable | Uint8Array | null;

/**
 * @param endpoints where a credential is exchanged before, if it is
 * @throws DAuthError `POLICY_DENIED`, `PAYLOAD_TOO_LARGE`
 */
export function assertOperatorAllows(
  rules: OperatorRules,
  { origin, method }: Destination,
  {
    endpoints = [],
    bodyBytes,
    atMs,
  }: { readonly endpoints?: readonly Origin[]; readonly bodyBytes: number; readonly atMs: number },
): void {
  const unmet = operatorUnmet(rules, { origin, method, atMs, bodyBytes });
  if (unmet === 'requestBytes') throw tooLarge();
  if (unmet !== undefined) throw new DAuthError('POLICY_DENIED', SENTENCES[unmet]);
  if (endpoints.some((endpoint) => deniesOrigin(rules, endpoint)))
    throw new DAuthError('POLICY_DENIED', SENTENCES.origin);
}

/** A body that nobody said the size of ends as soon as it is too large, before its last octet is sent. */
export function boundBody(body: Body, most: number | undefined): Body {
  if (most === undefined || !(body instanceof Readable)) return body;
  let passed = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      passed += chunk.length;
      if (passed > most) done(tooLarge());
      else done(null, chunk);
    },
  });
  // Whoever reads it hears of it too; but a body may fail while nobody does yet, and that must not end the process.
  bounded.on('error', () => undefined);
  const cutOff = (): void => {
    if (!body.readableEnded) bounded.destroy(new DAuthError('BAD_REQUEST', 'The body ended before it was whole.'));
  };
  body.once('error', (error) => bounded.destroy(error));
  body.once('close', cutOff);
  if (body.destroyed) cutOff();
  return body.pipe(bounded);
}

function tooLarge(): DAuthError {
  return new DAuthError(
    'PAYLOAD_TOO_LARGE',
    'The request has a larger body than the operator of this executor allows.',
  );
}
