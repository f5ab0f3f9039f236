/** What stays of a credential that an answer was: of the token, of what it was sealed again with, and of the login it came for. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseInjections } from '@dauth/protocol';
import { pad } from './support/echo.test-support.ts';
import { MemoryProof } from './support/memory.test-support.ts';

const TOKENS = ['st_', 'rt_'].map((prefix) => Buffer.from(`${prefix}${randomBytes(24).toString('hex')}`));
let given = 0;

function logIn(request: IncomingMessage, response: ServerResponse): boolean {
  const [path, how] = (request.url ?? '').split('?');
  if (path !== '/login') return false;
  given++;
  const [token, refresh] = TOKENS.map(String);
  const text = JSON.stringify({ pad: pad(400), auth: { token, refresh }, again: how === 'again' ? token : 'no' });
  request.resume().on('end', () => {
    response.setHeader('content-type', 'application/json');
    if (how === 'no') response.statusCode = 401;
    if (how === 'head') response.setHeader('x-token', token!);
    if (how === 'gzip') {
      response.setHeader('content-encoding', 'gzip');
      return response.end(gzipSync(text));
    }
    if (how !== 'split') return response.end(text);
    response.write(text.slice(0, 450));
    setTimeout(() => response.end(text.slice(450)), 2);
  });
  return true;
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(logIn, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

const capture = [
  { pointer: '/auth/token', field: 'captured' },
  { pointer: '/auth/refresh', field: 'more' },
];
const CALLS = ['', '?split', '?gzip', '?again', '?head', '?no'].map((how) => ({
  ...{ method: 'POST', target: `/login${how}`, body: '{"a":1}', type: 'application/json', capture },
}));

test('[memory.clean] leaves no copy of a token that is captured, nor of the login that it was the answer to', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  const inject = parseInjections([{ in: 'body', pointer: '/pass', value: '{token}' }]);
  const made = () => ({ 'a captured token': TOKENS[0]!, 'another captured token': TOKENS[1]! });
  const allow = [{ origin: 'https://api.example', methods: ['POST'], paths: ['/login'] }];
  await proof.assertClean(t, inject, CALLS, { made, allow, count: () => given });
});
