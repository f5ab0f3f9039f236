/** What stays of a password that sessions log in with, and of the keys that are made of it. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { serveDatabase, row, done, type Database } from '../support/database.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import { TestCa } from '../support/upstreams.test-support.ts';

let ca: TestCa;
let database: Database;
let proof: MemoryProof;
before(async () => {
  ca = await TestCa.create();
  const identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  // It keeps nothing: what it is shown it checks and forgets, in another process than the one that is looked at.
  database = await serveDatabase(identity, { passwords: [] });
  proof = await MemoryProof.open(undefined, { ca, isOverwritten: false });
});
after(async () => {
  await proof[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

for (const auth of ['scram-sha-256', 'md5'] as const)
  test(`[memory.clean] leaves no copy of a password of a database, nor of a key made of it, by ${auth}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const passwords: string[] = [];
    const salt = Buffer.from('a salt of a role');
    const made = (secret: Buffer): Record<string, Buffer> => {
      passwords.push(secret.toString());
      if (auth === 'md5') {
        const raw = createHash('md5').update(secret).update('app').digest();
        return { 'MD5 hash': raw, 'MD5 hash in hex': Buffer.from(raw.toString('hex')) };
      }
      const salted = pbkdf2Sync(secret, salt, 4_096, 32, 'sha256');
      const mac = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
      const client = mac('Client Key');
      const stored = createHash('sha256').update(client).digest();
      return { SaltedPassword: salted, ClientKey: client, StoredKey: stored, ServerKey: mac('Server Key') };
    };
    const echo = (_: string, __: unknown, password: string): Buffer[] => [row(`is ${password}`), done('SELECT 1')];
    database.script = { passwords, salt, auth: auth === 'md5' ? 'md5' : 'scram', answer: echo };
    const inject = parseInjections([{ scheme: 'postgres', user: 'app', password: '{token}', auth: [auth] }]);
    const allow = [{ origin: 'postgres://db.example', methods: ['READ', 'WRITE'], paths: ['/shop'] }];
    const calls = ['READ', 'WRITE'].map((method) => ({ method, database: database.port }));
    await proof.assertClean(t, inject, calls, { made, allow, count: () => database.logins, times: 96 });
  });

test('[memory.clean] the look for what logs in is able to find a copy (positive control)', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertFinds();
});
