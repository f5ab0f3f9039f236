/**
 * Whoever owns a token endpoint, or an API that takes its tokens (SECURITY.md, attackers 5 and 8): answers that are no token are
 * none, a token goes to the API it was sealed for and to nobody who asks, and what was obtained for one connection is not there
 * for another, nor for the same one after it changed.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { gzipSync } from 'node:zlib';
import { proves } from '../../claims.ts';
import { findSecret } from '../../support/encodings.ts';
import { laySiege, type Siege } from './siege.ts';
import { OK, type Arrived } from './upstream.ts';

const ENDPOINT = '/oauth/token';
const PLAIN = ['--method', 'GET', '--path', '/plain'];

const isAsked = ({ line }: Arrived): boolean => line.startsWith(`POST ${ENDPOINT} `);
const bearerOf = ({ headers }: Arrived): string | undefined =>
  headers.find((each) => each.startsWith('authorization: Bearer '))?.slice(22);
const json = (body: string | object, more = '', status = '200 OK'): string => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${more}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};

/** Blanks, which JSON may begin with. */
function bomb(): Buffer {
  const body = gzipSync(Buffer.alloc(20 * 1_048_576, ' '));
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

describe('a token endpoint that belongs to somebody else', { timeout: 400_000 }, () => {
  let siege: Siege;
  before(async () => {
    siege = await laySiege({ connect: PLAIN });
  });
  after(() => siege?.[Symbol.asyncDispose]());

  const freshToken = (): string => `at_${randomBytes(20).toString('base64')}`;
  const freshSecret = (): string => `cs_${randomBytes(20).toString('hex')}`;

  /** A connection whose secret is exchanged at the upstream itself. */
  function seal(secret: string): Promise<string> {
    const scheme = {
      ...{ scheme: 'client_credentials', endpoint: `${siege.upstream.origin}${ENDPOINT}` },
      ...{ client_id: 'robot', client_secret: '{token}' },
    };
    return siege.seal(secret, ['--method', 'GET', '--path', '/api', '--inject', JSON.stringify(scheme)]);
  }

  /** One call, the endpoint answering so. @returns what was said, and the requests that arrived */
  async function call(handle: string, given: string | Buffer, api: (request: Arrived) => string = () => OK) {
    const sent = siege.upstream.arrived.length;
    siege.upstream.answer = (request) => (isAsked(request) ? given : api(request));
    const said = await siege.stream('/api', { handle });
    return { said, arrived: siege.upstream.arrived.slice(sent) };
  }

  let shared: string;
  const token = 'at_0123456789abcdef';
  const right = { token_type: 'Bearer', access_token: token };
  const NO_TOKEN: Readonly<Record<string, string | Buffer>> = {
    'another type': json({ ...right, token_type: 'DPoP' }),
    'a type that only begins so': json({ ...right, token_type: 'Bearer\0' }),
    'no type': json({ access_token: token }),
    'a type that is a list': json({ ...right, token_type: ['Bearer'] }),
    'two tokens': json(`{"token_type":"Bearer","access_token":"${token}","access_token":"${token}"}`),
    'two tokens, one in escapes': json(
      `{"token_type":"Bearer","access_token":"${token}","\\u0061ccess_token":"x${token}"}`,
    ),
    'two types': json(`{"token_type":"Bearer","token_type":"mac","access_token":"${token}"}`),
    'two lives': json(`{"token_type":"Bearer","expires_in":1,"expires_in":2,"access_token":"${token}"}`),
    'a token in a list': json([right]),
    'a token one step in': json({ data: right }),
    'a token of nothing': json({ ...right, access_token: '' }),
    'a token of four letters': json({ ...right, access_token: 'true' }),
    'a token that is a number': json({ ...right, access_token: 12345678901234 }),
    'a token with a line end': json({ ...right, access_token: `${token}\r\nx-canary: 1` }),
    'a token with a blank': json({ ...right, access_token: `${token} x` }),
    'a token with a zero': json({ ...right, access_token: `${token}\0` }),
    'a token beyond ASCII': json({ ...right, access_token: `${token}é` }),
    'a token of one letter, many times': json({ ...right, access_token: 'a'.repeat(500) }),
    'a token of 5,000 octets': json({ ...right, access_token: randomBytes(3_750).toString('base64') }),
    'an answer of 70,000 octets': json({ ...right, pad: 'x'.repeat(70_000) }),
    'a bomb': bomb(),
    'more depth than is read': json(
      `{"token_type":"Bearer","access_token":"${token}","a":${'['.repeat(60)}${']'.repeat(60)}}`,
    ),
    'two documents': json(`${JSON.stringify(right)}${JSON.stringify(right)}`),
    'a comment': json(`${JSON.stringify(right)}//`),
    'a byte order mark': json(`\ufeff${JSON.stringify(right)}`),
    'UTF-16': json(JSON.stringify(right).split('').join('\0')),
    'a form': json(`token_type=Bearer&access_token=${token}`),
    'half of one': json(JSON.stringify(right).slice(0, -9)),
    'another success': json(right, '', '201 Created'),
    'a refusal with a token': json(right, '', '400 Bad Request'),
    'a redirect': json(right, 'location: /elsewhere\r\n', '307 Temporary Redirect'),
    'two lengths': json(right, 'content-length: 9\r\n'),
    'a length and chunks': json(right, 'transfer-encoding: chunked\r\n'),
    'an encoding that lies': json(right, 'content-encoding: gzip\r\n'),
  };

  for (const [what, given] of Object.entries(NO_TOKEN)) {
    proves(
      ['dispatch.bound', 'response.clean'],
      `${what} is no token: the API is not asked, and nothing of the answer comes back`,
      async () => {
        shared ??= await seal(freshSecret());
        const { said, arrived } = await call(shared, given);
        assert.match(
          said.error ?? 'an answer',
          /^(?:DOWNSTREAM_(?:AUTH_FAILURE|UNREACHABLE|TIMEOUT)|RESPONSE_\w+|POLICY_DENIED)$/,
        );
        assert.deepEqual([arrived.length, arrived.every(isAsked)], [1, true]);
        assert.equal(said.octets.includes(token), false);
      },
    );
  }

  for (const [what, expires] of Object.entries({
    'no life': '',
    'a negative life': ',"expires_in":-5',
    'a life of nothing': ',"expires_in":0',
    'a life in a text': ',"expires_in":"3600"',
    'a life with a point': ',"expires_in":3600.0',
    'a life with an exponent': ',"expires_in":1e9',
    'a life of more digits than a clock has': `,"expires_in":${'9'.repeat(40)}`,
    'a life that is a list': ',"expires_in":[3600]',
    'a life shorter than a request may take': ',"expires_in":29',
  })) {
    proves('dispatch.bound', `a token with ${what} is used once`, async () => {
      shared ??= await seal(freshSecret());
      for (let at = 0; at < 2; at++) {
        const given = freshToken();
        const { arrived } = await call(shared, json(`{"token_type":"bearer","access_token":"${given}"${expires}}`));
        assert.deepEqual([arrived.map(isAsked), bearerOf(arrived[1]!)], [[true, false], given]);
      }
    });
  }

  proves(
    'response.clean',
    'a token that the API shows back, spelled as anybody would, does not come back, nor does the secret',
    async () => {
      const secret = freshSecret();
      const [handle, given] = [await seal(secret), freshToken()];
      for (const spell of [
        (text: string) => text,
        (text: string) => JSON.stringify(JSON.stringify({ text })),
        (text: string) => encodeURIComponent(`Bearer ${text}`),
        (text: string) => ['', 'x', 'xy'].map((pad) => Buffer.from(pad + text).toString('base64')).join(' '),
        (text: string) => Buffer.from(text).toString('hex'),
        (text: string) => Buffer.from(text, 'utf16le').toString('latin1'),
      ]) {
        const text = spell(given) + spell(secret);
        const api = () => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
        const { said } = await call(handle, json({ ...right, access_token: given, expires_in: 3600 }), api);
        assert.equal(said.status, 200);
        for (const value of [given, secret]) assert.deepEqual(findSecret(said.octets, Buffer.from(value)), []);
      }
    },
  );

  proves(
    ['seal.bound', 'dispatch.bound'],
    'two connections at one endpoint have a token each, and each its own secret',
    async () => {
      const secrets = [freshSecret(), freshSecret()];
      const handles = [await seal(secrets[0]!), await seal(secrets[1]!)];
      const tokens = [freshToken(), freshToken()];
      for (let round = 0; round < 2; round++) {
        for (const at of [0, 1]) {
          const { arrived } = await call(handles[at]!, json({ ...right, access_token: tokens[at]!, expires_in: 3600 }));
          const [asked] = arrived.filter(isAsked);
          assert.equal(asked === undefined, round > 0, 'control: it is kept');
          const basic = Buffer.from(`robot:${secrets[at]!}`).toString('base64');
          if (asked !== undefined) assert.ok(asked.headers.includes(`authorization: Basic ${basic}`));
          assert.equal(bearerOf(arrived.at(-1)!), tokens[at]);
        }
      }
    },
  );

  proves('dispatch.bound', 'an endpoint that never answers holds up nobody but those who ask it', async () => {
    const slow = await seal(freshSecret());
    const never = 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{';
    siege.upstream.answer = (request) => (isAsked(request) ? never : OK);
    await siege.pass('GET', '/');
    const waiting = Array.from({ length: 20 }, () => siege.stream('/api', { handle: slow }));
    assert.equal((await siege.stream('/plain')).headers['dauth-upstream'], '1');
    const ended = await Promise.all(waiting);
    assert.deepEqual([...new Set(ended.map(({ error }) => error))], ['DOWNSTREAM_TIMEOUT']);
    assert.equal(siege.upstream.arrived.filter(isAsked).length > 0, true, 'control: it was asked');
  });

  proves('revoke.fast', 'what was obtained is gone when its connection is suspended, rotated or revoked', async () => {
    const handle = await seal(freshSecret());
    const ask = async () => {
      const given = freshToken();
      const { said, arrived } = await call(handle, json({ ...right, access_token: given, expires_in: 3600 }));
      return { said, isFresh: arrived.some(isAsked), isUsed: arrived.some((each) => bearerOf(each) === given) };
    };
    assert.equal((await ask()).isFresh, true);
    assert.equal((await ask()).isFresh, false, 'control: it is kept');
    await siege.stack.dauth(['connections', 'suspend', handle]);
    assert.equal((await ask()).said.error, 'CONNECTION_SUSPENDED');
    await siege.stack.dauth(['connections', 'resume', handle]);
    const resumed = await ask();
    assert.deepEqual([resumed.isFresh, resumed.isUsed], [true, true]);
    await siege.stack.dauth(['connections', 'revoke', handle]);
    const revoked = await ask();
    assert.deepEqual([revoked.said.error, revoked.isFresh, revoked.isUsed], ['CONNECTION_REVOKED', false, false]);
  });
});
