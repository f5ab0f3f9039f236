import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reach } from './action.ts';
import { parseMethod } from './method.ts';
import { parsePathPattern } from './path.ts';

function reach(...actions: readonly (readonly [method: string, pattern: string])[]): Reach {
  const made = new Reach();
  for (const [method, pattern] of actions) made.add(parseMethod(method), parsePathPattern(pattern));
  return made;
}

test('[token.bound] an action is covered by a pattern of its own method that holds it whole, and by no other', () => {
  const outer = reach(['GET', '/repos/**'], ['GET', '/user'], ['POST', '/a/*/c']);
  for (const inside of ['GET /repos/**', 'GET /repos/a/b', 'GET /repos/*', 'GET /user', 'POST /a/b/c', 'POST /a/*/c'])
    assert.equal(outer.covers(inside), true, inside);
  for (const outside of ['GET /**', 'GET /repos', 'GET /user/x', 'POST /user', 'POST /a/**', 'POST /a/b', 'PUT /user'])
    assert.equal(outer.covers(outside), false, outside);
});

test('[token.bound] nothing is covered by nothing, and two halves are not a whole', () => {
  assert.equal(reach().covers('GET /a'), false);
  assert.equal(reach(['GET', '/*'], ['GET', '/*/**']).covers('GET /**'), false);
});
