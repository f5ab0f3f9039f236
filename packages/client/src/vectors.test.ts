import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { fetchExecutor, MemorySeqStore } from './directory.ts';

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/directory.json', import.meta.url), 'utf8')) as {
  now: number;
  identity: string;
  seen_seq: number;
  accepted: { name: string; directory: string; kid: string }[];
  refused: { name: string; directory: string; code: string }[];
};

function take(directory: string) {
  const seqStore = new MemorySeqStore();
  seqStore.advance(vectors.identity, vectors.seen_seq);
  return fetchExecutor({
    url: 'https://executor.example',
    identities: [vectors.identity],
    seqStore,
    fetch: () => Promise.resolve(new Response(directory)),
    now: () => vectors.now,
  });
}

for (const { name, directory, kid } of vectors.accepted) {
  test(`vector: a key directory with ${name}`, async () => {
    assert.equal((await take(directory)).key.kid, kid);
  });
}

for (const { name, directory, code } of vectors.refused) {
  test(`[seal.client-only] vector: a key directory ${name} is refused`, async () => {
    await assert.rejects(take(directory), (error: unknown) => error instanceof DAuthError && error.code === code);
  });
}
