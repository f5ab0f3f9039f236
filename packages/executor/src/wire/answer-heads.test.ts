import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerHeads } from './answer-heads.ts';

const FINAL = 'HTTP/1.1 200 OK\r\na: b\r\n\r\n';
const BODY = '{\r\n\r\n"a":1}';
const HEADS: Readonly<Record<string, string>> = {
  'one head': FINAL,
  'an interim head, and the head behind it': `HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n${FINAL}`,
  'many interim heads': `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)}${FINAL}`,
  'empty lines before a head': `\r\n\r\n\r\n${FINAL}`,
  'empty lines behind an interim head': `HTTP/1.1 100 \r\n\r\n\r\n\r\n${FINAL}`,
  'a head of odd line ends': 'HTTP/1.1 404 \r\na: \r\r\nb: \n\n\r\n\r\n',
};

for (const [what, heads] of Object.entries(HEADS))
  test(`[response.clean] ${what} ${what.includes('heads') || what.startsWith('empty') ? 'are' : 'is'} told from the body, in any pieces`, () => {
    const octets = Buffer.from(`${heads}${BODY}`, 'latin1');
    for (let size = 1; size <= octets.length; size++) {
      const edge = new AnswerHeads();
      let taken = 0;
      for (let at = 0; at < octets.length; at += size) {
        const piece = octets.subarray(at, at + size);
        const end = edge.take(piece);
        assert.equal(end === null, at + piece.length < heads.length, `pieces of ${size}`);
        taken += end ?? piece.length;
      }
      assert.equal(taken, heads.length, `pieces of ${size}`);
    }
  });

test('[response.clean] what is no final status ends no head', () => {
  for (const line of ['HTTP/1.1  200 OK', 'HTTP/1.1 1', '200 OK'])
    assert.equal(new AnswerHeads().take(Buffer.from(`${line}\r\n\r\n`)), null, line);
});
