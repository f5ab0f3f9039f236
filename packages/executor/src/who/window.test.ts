/** Until when a call may be acted on: the end of its window, never later, and never by what nobody signed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dpop, makeSigner } from '../support/signer.test-support.ts';
import type { Caller } from './authenticate.ts';
import { windowEndMs } from './window.ts';

const NOW = 1_795_000_000;
const client = makeSigner();
const proof = (iat: number): string =>
  dpop(client, { htm: 'POST', htu: 'https://mcp.example/mcp', iat, token: 'access' });

function endOf(claims: object): number {
  return windowEndMs({ claims: { iat: NOW, exp: NOW + 120, ...claims } } as unknown as Caller);
}

test('[token.bound] the window of a call ends 300 s after its proof', () => {
  assert.equal(endOf({ subjectDpop: proof(NOW - 100) }), (NOW + 200) * 1_000);
});

test('[token.bound] a proof from the future makes it no longer than the token does', () => {
  assert.equal(endOf({ subjectDpop: proof(NOW + 9_000) }), (NOW + 300) * 1_000);
});

test('[token.bound] without a proof, or with one that cannot be read, it ends with the token', () => {
  for (const subjectDpop of [undefined, 'a.b.c', 'none']) assert.equal(endOf({ subjectDpop }), (NOW + 120) * 1_000);
});
