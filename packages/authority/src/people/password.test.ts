/** Passwords: the real scrypt once, and with a slow function that a test ends by hand, who waits and who is sent away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Passwords, type Derive } from './password.ts';

/** Work that ends when the test says so. */
function makeByHand(): { derive: Derive; started: string[]; finish: () => void } {
  const [started, ends]: [string[], (() => void)[]] = [[], []];
  const derive: Derive = (password) =>
    new Promise((resolve) => {
      started.push(password);
      ends.push(() => resolve(Buffer.alloc(32, 1)));
    });
  return { derive, started, finish: () => ends.shift()?.() };
}

test('a password is kept as scrypt of 128 MiB under a salt of its own, and is the same in each Unicode spelling', async () => {
  const passwords = new Passwords();
  const stored = await passwords.hash('caf\u00e9 au lait, s\u2019il vous pla\u00eet');
  assert.match(stored, /^\$scrypt\$ln=17,r=8,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  assert.equal(await passwords.isRight('cafe\u0301 au lait, s\u2019il vous plai\u0302t', stored), true);
  assert.equal(await passwords.isRight('cafe au lait, s\u2019il vous plait', stored), false);
});

test('the salt is fresh for each password', async () => {
  const passwords = new Passwords(async (_, salt) => Buffer.alloc(32, salt[0]));
  const salts = await Promise.all(Array.from({ length: 3 }, async () => (await passwords.hash('x')).split('$')[3]));
  assert.equal(new Set(salts).size, 3);
});

test('for somebody who is not there the same work is done, and it opens nothing', async () => {
  const lengths: number[] = [];
  const passwords = new Passwords(async (_, salt) => {
    lengths.push(salt.length);
    // What a stored hash of nobody says: even a password that came to it is not right.
    return Buffer.alloc(32);
  });
  assert.equal(await passwords.isRight('', undefined), false);
  assert.equal(await passwords.isRight('x', await passwords.hash('y')), true);
  assert.deepEqual(lengths, [16, 16, 16]);
});

test('a stored password of another form opens for nobody', async () => {
  const passwords = new Passwords(async () => Buffer.alloc(32));
  for (const stored of ['', 'plain', `$scrypt$ln=1,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`])
    await assert.rejects(passwords.isRight('x', stored), /has a form that is not known here/);
});

test('two passwords are worked on at once, in turn, and who would wait behind 32 others is told to come back', async () => {
  const { derive, started, finish } = makeByHand();
  const passwords = new Passwords(derive);
  const all = Array.from({ length: 34 }, (_, index) => passwords.isRight(String(index), undefined));
  assert.deepEqual(started, ['0', '1']);
  const sentence = 'Many people sign in at the same moment. Try again in a few seconds.';
  await assert.rejects(passwords.isRight('34', undefined), { code: 'RATE_LIMITED', publicMessage: sentence });
  finish();
  await all[0];
  assert.deepEqual(started, ['0', '1', '2']);
  for (const each of all.slice(1)) {
    finish();
    await each;
  }
  assert.equal(started.length, 34);
  const last = passwords.isRight('again', undefined);
  finish();
  assert.equal(await last, false);
});

test('work that fails gives its place back', async () => {
  let count = 0;
  const passwords = new Passwords(async () => {
    count++;
    throw new Error('no memory');
  });
  for (let turn = 0; turn < 4; turn++) await assert.rejects(passwords.hash('x'), /no memory/);
  assert.equal(count, 4);
});
