import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from './errors.ts';
import { parseSpki, pinsFor } from './spki.ts';
import type { Origin } from './origin.ts';

const ORIGIN = 'https://api.example' as Origin;
const LOGIN = 'https://login.example' as Origin;
const PIN = 'A'.repeat(43);
const OTHER = `${'A'.repeat(42)}E`;
const ORIGINS = [ORIGIN, 'http://localhost:8080' as Origin];

for (const [what, value] of [
  ['null', null],
  ['no entry', []],
  ['an object in place of the list', { origin: ORIGIN, sha256: [PIN] }],
  ['no pin', [{ origin: ORIGIN, sha256: [] }]],
  ['a pin twice', [{ origin: ORIGIN, sha256: [PIN, PIN] }]],
  ['nine pins', [{ origin: ORIGIN, sha256: Array.from('ABCDEFGHI', (letter) => letter + PIN.slice(1)) }]],
  ['a pin in base64', [{ origin: ORIGIN, sha256: [`+${PIN.slice(1)}`] }]],
  ['a padded pin', [{ origin: ORIGIN, sha256: [`${PIN}=`] }]],
  ['a pin of another length', [{ origin: ORIGIN, sha256: [PIN.slice(1)] }]],
  ['a pin that is not canonical', [{ origin: ORIGIN, sha256: [`${'A'.repeat(42)}B`] }]],
  ['an unknown member', [{ origin: ORIGIN, sha256: [PIN], max_age: 1 }]],
  ['without an origin', [{ sha256: [PIN] }]],
  [
    'an origin twice',
    [
      { origin: ORIGIN, sha256: [PIN] },
      { origin: ORIGIN, sha256: [OTHER] },
    ],
  ],
  ['an origin in other letters', [{ origin: 'https://API.example', sha256: [PIN] }]],
  ['an origin of nobody', [{ origin: 'https://api.example.org', sha256: [PIN] }]],
  ['plain http', [{ origin: 'http://localhost:8080', sha256: [PIN] }]],
  ['another origin of the owner', [{ origin: LOGIN, sha256: [PIN] }]],
] as const) {
  test(`[seal.bound] pins of certificate keys are refused: ${what}`, () => {
    assert.throws(
      () => parseSpki(value, ORIGINS),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  });
}

test('[seal.bound] pins are kept for their origin, and for no other one', () => {
  const given = [
    { origin: ORIGIN, sha256: [PIN, OTHER] },
    { origin: LOGIN, sha256: [OTHER] },
  ];
  const spki = parseSpki(given, [...ORIGINS, LOGIN]);
  assert.deepEqual(pinsFor({ spki }, ORIGIN), [PIN, OTHER]);
  assert.deepEqual(pinsFor({ spki }, LOGIN), [OTHER]);
  assert.equal(pinsFor({ spki }, 'https://api.example:8443' as Origin), undefined);
  assert.equal(pinsFor({}, ORIGIN), undefined);
});
