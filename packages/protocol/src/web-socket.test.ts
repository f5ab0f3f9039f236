/** What a rule says of WebSockets, and the words of a handshake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isConsumed } from './dispatch.ts';
import { DAuthError } from './errors.ts';
import { parseInjections } from './inject.ts';
import { allowsRequest, explainAllow, parseAllow } from './policy.ts';
import { parseSubprotocols } from './web-socket.ts';

const RULE = { origin: 'https://stream.example', methods: ['GET'], paths: ['/v1/**'] };
const [plain, open] = parseAllow([RULE, { ...RULE, websocket: true }]);
const at = { origin: plain!.origin, method: plain!.methods[0]!, path: '/v1/x', query: '' };

function refused(run: () => unknown, message: RegExp): void {
  assert.throws(
    run,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

test('[seal.bound] only a rule that says so takes a WebSocket, and it takes the ordinary request too', () => {
  assert.deepEqual(
    [plain!, open!].map((rule) => [allowsRequest([rule], { ...at, webSocket: true }), allowsRequest([rule], at)]),
    [
      [false, true],
      [true, true],
    ],
  );
  assert.deepEqual(explainAllow([plain!], { ...at, webSocket: true }).unmet, ['websocket']);
  assert.equal(allowsRequest([open!], { ...at, path: '/v2', webSocket: true }), false);
});

const WRONG: readonly (readonly [name: string, members: object, message: RegExp])[] = [
  ['"websocket" that is false', { websocket: false }, /"websocket" is true, or absent/],
  ['"websocket" that is null', { websocket: null }, /"websocket" is true, or absent/],
  ['another method', { websocket: true, methods: ['GET', 'POST'] }, /method GET alone/],
  ['only another method', { websocket: true, methods: ['POST'] }, /method GET alone/],
  ['a body', { websocket: true, body: [{ pointer: '/a', absent: true }] }, /no conditions on a body/],
];
for (const [name, members, message] of WRONG) {
  test(`[seal.bound] a rule with what no WebSocket has is refused: ${name}`, () => {
    refused(() => parseAllow([{ ...RULE, ...members }]), message);
  });
}

test('[seal.bound] a header of the handshake is never a slot and never passed on', () => {
  for (const name of ['sec-websocket-key', 'sec-websocket-protocol', 'sec_websocket_extensions']) {
    refused(() => parseInjections([{ in: 'header', name, value: '{token}' }]), /can never be an injection slot/);
    assert.ok(isConsumed(name));
  }
});

test('subprotocols are tokens, each once, at most sixteen', () => {
  assert.deepEqual(parseSubprotocols(['v1', 'graphql-transport-ws', "!#$%&'*+-.^_`|~"]).length, 3);
  for (const wrong of [['a b'], [''], ['a,b'], ['ü'], [7], ['x'.repeat(129)]])
    refused(() => parseSubprotocols(wrong), /HTTP token/);
  refused(() => parseSubprotocols(['a', 'a']), /twice/);
  refused(() => parseSubprotocols(Array.from({ length: 17 }, (_, i) => `p${i}`)), /more than 16/);
});
