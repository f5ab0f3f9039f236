import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from './errors.ts';
import { parseEchoes } from './echoes.ts';
import { parseAllow } from './policy.ts';

const RULE = { origin: 'https://api.example', methods: ['GET'], paths: ['/**'] };
const HELD = { allow: parseAllow([RULE]), isDatabase: false };

function refuses(value: unknown, held: typeof HELD, sentence: RegExp): void {
  assert.throws(
    () => parseEchoes(value, held),
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && sentence.test(error.publicMessage),
    JSON.stringify(value),
  );
}

test('[seal.bound] answers that hold the credential are refused, or the policy says nothing of them', () => {
  assert.equal(parseEchoes('refused', HELD), 'refused');
  for (const value of [null, true, false, '', 'Refused', 'redacted', 'allowed', ['refused'], {}])
    refuses(value, HELD, /"echoes" is "refused", or absent/);
});

test('[seal.bound] no owner is promised that an answer is refused which cannot be held until its end', () => {
  refuses('refused', { ...HELD, isDatabase: true }, /no database/);
  const allow = parseAllow([
    { ...RULE, paths: ['/v1'] },
    { ...RULE, websocket: true },
  ]);
  refuses('refused', { ...HELD, allow }, /no WebSocket/);
});
