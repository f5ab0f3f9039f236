/** What an executor has seen: durable before it counts, never lower again, and only an operator's word takes it back. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { assertNotOlder, Seen } from './seen.ts';
import { freshHandle } from '../support/signer.test-support.ts';

const HANDLE = freshHandle(1_795_000_000_000);
const [ALICE, MALLORY] = [sha256Base64url('alice'), sha256Base64url('mallory')];
const OLDER = {
  code: 'POLICY_DENIED',
  publicMessage: 'An older version of this credential than was used before is refused.',
};
const OTHER = {
  code: 'POLICY_DENIED',
  publicMessage: 'Another envelope was used for this version of the credential before.',
};
const FOREIGN = {
  code: 'POLICY_DENIED',
  publicMessage: 'The credential was sealed by a key that is not trusted for this connection.',
};
const OLD_STATE = {
  code: 'POLICY_DENIED',
  publicMessage: 'An older state of this connection than was seen before is refused.',
};

let data: string;
let seen: Seen;
beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'dauth-seen-'));
  seen = await Seen.open(data);
});
afterEach(async () => {
  await seen.close();
  rmSync(data, { recursive: true });
});

const use = (ver: number, { by = ALICE, digest = sha256Base64url(`envelope ${ver}`), revision = 0 } = {}) => ({
  ver,
  digest,
  trusted: [by],
  revision,
  jkt: by,
});
const opens = (): void => undefined;
const doesNotOpen = (): never => {
  throw new DAuthError('DECRYPTION_FAILED');
};

async function reopen(acceptRevision?: number): Promise<void> {
  await seen.close();
  seen = await Seen.open(data, acceptRevision);
}

test('[seal.bound] a version, its envelope and its sealer are remembered at their first use, also after a restart', async () => {
  await seen.admit(HANDLE, use(2, { revision: 7 }), opens);
  await reopen();
  assert.deepEqual(seen.connection(HANDLE), {
    ver: 2,
    digest: sha256Base64url('envelope 2'),
    trusted: [ALICE],
    revision: 7,
  });
  await assert.rejects(seen.admit(HANDLE, use(1), opens), OLDER);
  await assert.rejects(seen.admit(HANDLE, use(2, { digest: sha256Base64url('x') }), opens), OTHER);
  await assert.rejects(seen.admit(HANDLE, use(3, { by: MALLORY }), opens), FOREIGN);
  await seen.admit(HANDLE, use(3), opens);
});

test('[seal.bound] an envelope that nobody can open decides nothing about who seals for a handle', async () => {
  await assert.rejects(seen.admit(HANDLE, use(1, { by: MALLORY }), doesNotOpen), { code: 'DECRYPTION_FAILED' });
  assert.equal(seen.connection(HANDLE), undefined);
  await seen.admit(HANDLE, use(1), opens);
  await assert.rejects(seen.admit(HANDLE, use(2, { digest: sha256Base64url('x') }), doesNotOpen), {
    code: 'DECRYPTION_FAILED',
  });
  await seen.admit(HANDLE, use(2), opens);
});

test('[seal.bound] of two first uses at the same time one decides who seals, and the other is refused', async () => {
  const first = seen.admit(HANDLE, use(1), opens);
  await assert.rejects(seen.admit(HANDLE, use(1, { by: MALLORY, digest: sha256Base64url('x') }), opens), OTHER);
  await assert.rejects(seen.admit(HANDLE, use(2, { by: MALLORY }), opens), FOREIGN);
  await first;
  assert.deepEqual(seen.connection(HANDLE)?.trusted, [ALICE]);
});

test('[crash.safe] whoever comes while a first use is written waits until it is on disk', async () => {
  let isWritten = false;
  const first = seen.admit(HANDLE, use(1), opens).then(() => (isWritten = true));
  await seen.admit(HANDLE, use(1), doesNotOpen);
  // Turns of this queue only: a disk cannot answer between them, but what waited for the same answer can go on.
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  assert.equal(isWritten, true);
  assert.match(readFileSync(join(data, 'seen.jsonl'), 'utf8'), new RegExp(HANDLE));
  await first;
});

test('[revoke.fast] the highest revision with which a handle was served is durable, and a lower one is refused', async () => {
  await seen.admit(HANDLE, use(1, { revision: 5 }), opens);
  await seen.admit(HANDLE, use(1, { revision: 9 }), doesNotOpen);
  await reopen();
  const known = seen.connection(HANDLE);
  assert.equal(known?.revision, 9);
  assert.throws(() => assertNotOlder(known, use(1, { revision: 8 })), OLD_STATE);
  assertNotOlder(known, use(1, { revision: 9 }));
});

test('[revoke.fast] a revision never goes down by itself, and an operator’s word for a lower one counts once', async () => {
  await seen.admit(HANDLE, use(1, { revision: 9 }), opens);
  await seen.raise(10);
  await seen.raise(4);
  await seen.markRegressed();
  await reopen();
  assert.deepEqual([seen.revision, seen.regressed], [10, true]);
  await reopen(6);
  assert.deepEqual([seen.revision, seen.regressed, seen.connection(HANDLE)?.revision], [6, false, 6]);
  await seen.raise(8);
  await seen.markRegressed();
  await reopen(6);
  assert.deepEqual([seen.revision, seen.regressed], [8, true]);
});

test('[crash.safe] a torn last line was never acknowledged and is left out; any other damage stops the start', async () => {
  await seen.admit(HANDLE, use(1), opens);
  await seen.close();
  const path = join(data, 'seen.jsonl');
  appendFileSync(path, '{"revision":99');
  seen = await Seen.open(data);
  assert.deepEqual([seen.revision, seen.connection(HANDLE)?.ver], [0, 1]);
  await seen.close();
  for (const line of ['', '{"revision":-1}', '{"handle":"x"}', '{"unknown":1}', '[]']) {
    writeFileSync(path, `${line}\n`);
    await assert.rejects(Seen.open(data), {
      name: 'TypeError',
      message: `${path} is damaged. Restore it from your backup; without it older credentials could come back.`,
    });
  }
  rmSync(path);
  seen = await Seen.open(data);
});

test('[crash.safe] nothing is admitted once the memory is closed', async () => {
  await seen.close();
  await assert.rejects(seen.admit(HANDLE, use(1), opens), { code: 'AUDIT_UNAVAILABLE' });
});
