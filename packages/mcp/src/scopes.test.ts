/**
 * Which scopes a body needs, against an oracle of bits: each scope is one bit, each tool a number, and a body needs the bits of
 * the server and of every tool it calls. A token is let through where it has them all.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig, type AuthorizationConfig } from './config.ts';
import { both, CONFIG, makeGate, makeToken, post, said } from './gate.test-support.ts';
import { neededScopes } from './scopes.ts';

const WORDS = ['mcp:use', 'mcp:used', 'mcp', 'MCP:USE', 'mcp:use:all', 'constructor', 'a'];
const TOOLS = ['open', 'opens', 'OPEN', 'open ', 'toString', 'hasOwnProperty'];
const METHODS = ['tools/call', 'tools/list', 'tools/call ', 'TOOLS/CALL', 'initialize'];

const bits = fc.nat({ max: (1 << WORDS.length) - 1 });
const tools = fc.array(bits, { minLength: TOOLS.length - 1, maxLength: TOOLS.length - 1 });
/** A call is told by its method; the last tool is one that the configuration does not name. */
const message = fc.tuple(fc.constantFrom('tools/call', ...METHODS), fc.nat(TOOLS.length - 1));
const batch = fc.oneof(message, fc.array(message, { maxLength: 6 }));

const wordsOf = (set: number): string[] => WORDS.filter((_, bit) => (set >> bit) % 2 === 1);
/** The bits of a list; a word that is no bit, or one that stands there twice, is a failure. */
function bitsOf(words: readonly string[]): number {
  let set = 0;
  for (const word of words) {
    const bit = WORDS.indexOf(word);
    assert.ok(bit >= 0 && (set >> bit) % 2 === 0, `${word} in ${words.join(' ')}`);
    set += 2 ** bit;
  }
  return set;
}

type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;
const isOne = (body: Message | readonly Message[]): body is Message => typeof body[0] === 'string';
const written = ([method, tool]: Message): object => ({ jsonrpc: '2.0', id: 1, method, params: { name: TOOLS[tool] } });

function configOf(required: number, ofTools: readonly number[]): AuthorizationConfig {
  const named = ofTools.map((set, tool) => [TOOLS[tool], { requiredScopes: wordsOf(set) }] as const);
  return { ...CONFIG, requiredScopes: wordsOf(required), tools: Object.fromEntries(named) };
}

/** What a body needs, bit by bit. */
function oracle(required: number, ofTools: readonly number[], messages: readonly Message[]): number {
  let needed = required;
  for (const [method, tool] of messages) if (method === METHODS[0]) needed |= ofTools[tool] ?? 0;
  return needed;
}

test('[token.bound] a body needs the scopes of the server and of every tool it calls, once each, and no other', () => {
  const run = fc.check(
    fc.property(bits, tools, batch, (required, ofTools, body) => {
      const settings = checkConfig(configOf(required, ofTools));
      const needed = neededScopes(settings, isOne(body) ? written(body) : body.map(written));
      assert.equal(bitsOf(needed), oracle(required, ofTools, isOne(body) ? [body] : body));
    }),
    { numRuns: 2_000 },
  );
  assert.equal(run.failed, false, fc.defaultReportMessage(run));
});

test('[token.bound] a token is let through where it has every scope that is needed, and is told all of them where it has not', async () => {
  const run = await fc.check(
    fc.asyncProperty(bits, bits, tools, message, async (held, required, ofTools, call) => {
      const needed = oracle(required, ofTools, [call]);
      // Every other token has what is needed, and perhaps more: by chance alone hardly one would.
      const has = held % 2 === 0 ? held : held | needed;
      const token = makeToken({ scope: has === 0 ? undefined : wordsOf(has).join(' ') });
      const body = JSON.stringify(written(call));
      const answer = await makeGate(configOf(required, ofTools)).fetch(post(both(token), undefined, body));
      if ((has | needed) === has) return assert.equal(answer.status, 200);
      const { status, challenge } = await said(answer);
      assert.equal(status, 403);
      assert.equal(bitsOf(/scope="([^"]*)"/.exec(challenge)![1]!.split(' ')), needed);
    }),
    { numRuns: 150 },
  );
  assert.equal(run.failed, false, fc.defaultReportMessage(run));
});
