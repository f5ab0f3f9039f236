/** The search, against the one that Node has: whatever stands there is found, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findForms, type Range } from './search.ts';

/** Of few letters, so that much stands everywhere and overlaps. */
const word = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', 'ÿ'), minLength: min, maxLength: max });
const octets = (text: string): Buffer => Buffer.from(text, 'latin1');

function findByNode(data: Buffer, forms: readonly Buffer[]): Range[] {
  const longest = new Map<number, number>();
  for (const form of forms)
    for (let at = data.indexOf(form); at >= 0; at = data.indexOf(form, at + 1))
      longest.set(at, Math.max(longest.get(at) ?? 0, at + form.length));
  return [...longest].toSorted(([one], [other]) => one - other);
}

for (const shortest of [1, 2, 3, 4, 9])
  test(`[response.clean] of forms of ${shortest} octets and more whatever stands there is found, and nothing else`, () => {
    const words = fc.array(word(shortest, shortest + 8), { maxLength: 9 });
    fc.assert(
      fc.property(words, word(0, 200), (texts, text) => {
        const forms = texts.map(octets).toSorted((a, b) => b.length - a.length);
        const data = octets(text);
        assert.deepEqual(findForms(data, forms), findByNode(data, forms));
      }),
      { numRuns: 500 },
    );
  });

test('[response.clean] very many forms share the places of their beginnings, and are found', () => {
  const forms = Array.from({ length: 9_000 }, (_, i) => octets(`${String(i).padStart(4, '0')} and so on`));
  const data = Buffer.concat(forms.toReversed());
  assert.equal(findForms(data, forms).length, forms.length);
  assert.deepEqual(findForms(data.subarray(0, 3), forms), []);
});
