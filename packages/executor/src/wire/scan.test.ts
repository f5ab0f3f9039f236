import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Forms } from './forms.ts';
import { Scanner } from './scan.ts';

const SECRET = 'ghp_canary_0123456789';

/** Lengths of what is passed on, push by push: what a caller sees of a stream. */
function lengthsOf(chunks: readonly string[]): number[] {
  using forms = new Forms([Buffer.from(SECRET)]);
  using scanner = new Scanner(forms);
  return [...chunks.map((chunk) => scanner.push(Buffer.from(chunk, 'latin1')).length), scanner.end().length];
}

test('[response.clean] when an answer is passed on says nothing of what the credential begins with', () => {
  for (let length = 1; length < SECRET.length; length++) {
    const [right, wrong] = [SECRET.slice(0, length), `${SECRET.slice(0, length - 1)}!`];
    for (const before of ['', 'a', 'a\n', '\n'.repeat(3), 'x'.repeat(299), `${'x'.repeat(99)}\n${'y'.repeat(99)}`])
      assert.deepEqual(lengthsOf([`${before}${right}`, 'x']), lengthsOf([`${before}${wrong}`, 'x']));
  }
});

test('a line is passed on when it ends, and an event stream is not held back', () => {
  assert.deepEqual(lengthsOf(['data: {}\n\n', 'data: {"a":1}\n\n']), [10, 15, 0]);
});

test('[response.clean] a value with a line end in it is found across any border, and holds back no more than itself', () => {
  const secret = Buffer.from('0b1e2f0a4d5c6b7a8f9e0d1c2b3a4958', 'hex');
  using forms = new Forms([secret, Buffer.from('x'.repeat(9).concat('-a-longer-one-without'))]);
  assert.ok(forms.longestAcrossLines >= secret.length && forms.longestAcrossLines < forms.longest);
  for (let cut = 1; cut < secret.length; cut++) {
    using scanner = new Scanner(forms);
    const out = [scanner.push(Buffer.concat([Buffer.from('a\n'), secret.subarray(0, cut)]))];
    out.push(scanner.push(secret.subarray(cut)), scanner.end());
    assert.equal(Buffer.concat(out).toString('latin1'), `a\n${'*'.repeat(secret.length)}`);
  }
  using scanner = new Scanner(forms);
  assert.equal(scanner.push(Buffer.from(`${'x'.repeat(2_000)}\n`)).length, 2_001 - forms.longestAcrossLines + 1);
});

test('[response.clean] a credential is found across any border, with or without a line end before it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 9 }), (cuts) => {
      using forms = new Forms([Buffer.from(SECRET)]);
      using scanner = new Scanner(forms);
      const text = Buffer.from(`a\n${SECRET}\nb ${SECRET}${SECRET.slice(0, 5)}`);
      const out: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        out.push(scanner.push(text.subarray(at, at + cut)));
        at += cut;
      }
      out.push(scanner.push(text.subarray(at)), scanner.end());
      const stars = '*'.repeat(SECRET.length);
      assert.equal(Buffer.concat(out).toString(), `a\n${stars}\nb ${stars}${SECRET.slice(0, 5)}`);
      assert.equal(scanner.redactions, 2);
    }),
  );
});
