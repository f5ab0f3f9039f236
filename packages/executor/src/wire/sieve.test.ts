import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ownedDuring } from '../support/memory-held.test-support.ts';
import { Forms } from './forms.ts';
import { Scanner } from './scan.ts';
import { Sieve } from './sieve.ts';

/** What is starred out where each form is searched for by itself, over all of the data. */
function starredByEach(data: Buffer, forms: Forms): Buffer {
  const out = Buffer.from(data);
  for (const form of forms.lend((plain) => plain.map((one) => Buffer.from(one))))
    for (let at = data.indexOf(form); at >= 0; at = data.indexOf(form, at + 1)) out.fill('*', at, at + form.length);
  return out;
}

/** Few letters, so that values are full of pieces of themselves and of each other. */
const value = (most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom('a', 'b', '/', '='), minLength: 8, maxLength: most });

test('[response.clean] what is starred out is what a search for each form by itself finds, wherever pieces end', () => {
  fc.assert(
    fc.property(
      fc.array(value(40), { minLength: 1, maxLength: 2 }),
      fc.array(fc.oneof(value(60), fc.nat(2), fc.constant('\n')), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 9 }),
      (secrets, parts, cuts) => {
        using forms = new Forms(secrets.map((secret) => Buffer.from(secret)));
        const plain = forms.lend((all) => all.map((form) => form.toString('latin1')));
        const text = parts.map((part) => (typeof part === 'number' ? plain[(part * 7) % plain.length]! : part));
        const data = Buffer.from(text.join(''), 'latin1');
        using scanner = new Scanner(forms);
        const out: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) out.push(scanner.push(data.subarray(at, (at += cut))));
        out.push(scanner.push(data.subarray(at)), scanner.end());
        assert.equal(Buffer.concat(out).toString('latin1'), starredByEach(data, forms).toString('latin1'));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('[response.clean] a value is found at each place of an answer, the first and the last too', () => {
  for (const length of [8, 9, 19, 20, 33]) {
    const secret = randomBytes(length).toString('latin1').replaceAll('\n', 'n');
    using forms = new Forms([Buffer.from(secret, 'latin1')]);
    for (let before = 0; before < 40; before++) {
      using scanner = new Scanner(forms);
      const answer = Buffer.concat([Buffer.alloc(before, '.'), Buffer.from(secret, 'latin1')]);
      const out = Buffer.concat([scanner.push(answer), scanner.end()]).toString('latin1');
      assert.equal(out, '.'.repeat(before) + '*'.repeat(length), `${length} octets behind ${before}`);
    }
  }
});

test('[memory.clean] no piece of a form lies in the sieve as it is, and nothing of it stays', () => {
  const secret = randomBytes(48);
  const forms = [randomBytes(96), secret];
  const { given: sieve, made } = ownedDuring(() => new Sieve(forms));
  const all = Buffer.concat(made);
  assert.ok(all.some((octet) => octet !== 0));
  for (let at = 0; at + 4 <= secret.length; at++)
    assert.equal(all.indexOf(secret.subarray(at, at + 4)), -1, `the piece at ${at}`);
  assert.deepEqual(hits(sieve, secret), [1]);
  sieve[Symbol.dispose]();
  assert.ok(made.every((buffer) => buffer.every((octet) => octet === 0)));
});

function hits(sieve: Sieve, data: Buffer): readonly number[] {
  const found: number[] = [];
  for (let at = sieve.next(data, 0); at >= 0; at = sieve.next(data, at + sieve.step))
    sieve.each(data, at, (form) => found.push(form));
  return found;
}

test('[dispatch.bound] an answer that repeats what a value is full of is not compared with it at every place', () => {
  const run = 'a'.repeat(200);
  using forms = new Forms([Buffer.from(`${run}0123456789bcdefghijklmnopqrstuvwxyz-._~9876543210${run}`)]);
  let compared = 0;
  const data = Buffer.from(run.repeat(20));
  for (let at = forms.sieve.next(data, 0); at >= 0; at = forms.sieve.next(data, at + forms.sieve.step))
    forms.sieve.each(data, at, () => compared++);
  // Five forms end as the value does; known by their ends, each would be met sixteen times at every place.
  assert.ok(compared < (40 * data.length) / forms.sieve.step, `${compared} comparisons`);
});

test('[response.clean] no sieve is made of what has no piece, which it would never find', () => {
  assert.throws(() => new Sieve([Buffer.from('long enough'), Buffer.from('abc')]), RangeError);
});

test('a sieve of no forms finds nothing, and throws nothing where an answer arrives', () => {
  using sieve = new Sieve([]);
  assert.equal(sieve.next(randomBytes(64), 0), -1);
});
