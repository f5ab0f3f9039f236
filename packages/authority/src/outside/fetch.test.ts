/** What is remembered of outside, for how long, and how often anybody can make the authority look: without a socket. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from './dial.ts';
import { OutsideDocuments, type OutsideOptions } from './fetch.ts';

const URL_ONE = 'https://idp.example/keys';

interface Scene {
  readonly documents: OutsideDocuments;
  readonly clock: { ms: number };
  /** Addresses that were dialled, in order. */
  readonly dialled: string[];
  answer: () => Answer | Promise<Answer>;
}

function answerOf(text: string | Uint8Array, change: Partial<Answer> = {}): Answer {
  return {
    ...{ status: 200, contentType: 'application/json', contentEncoding: undefined, cacheControl: undefined },
    body: (async function* () {
      yield Buffer.from(text as string);
    })(),
    ...change,
  };
}

function scene(options: Partial<OutsideOptions> = {}): Scene {
  const clock = { ms: 0 };
  const dialled: string[] = [];
  const made: Scene = {
    clock,
    dialled,
    answer: () => answerOf('{"a":1}'),
    documents: new OutsideDocuments({
      resolve: async () => ['1.1.1.1'],
      dial: async (url, ips) => {
        dialled.push(`${url.host} ${ips.join()}`);
        return made.answer();
      },
      ...{ dangerouslyAllowLoopback: false, now: () => clock.ms, maxOctets: 64, timeoutMs: 60_000 },
      ...{ leastMs: 60_000, mostMs: 3_600_000, lastGoodMs: 0, coolDownMs: 10_000, entries: 16, atOnce: 4, perHost: 30 },
      ...options,
    }),
  };
  return made;
}

const counts = async (made: Scene, url = URL_ONE, refresh = false): Promise<number> => {
  await made.documents.get(url, refresh).catch(() => undefined);
  return made.dialled.length;
};

test('a document is fetched once and used for as long as its headers say, within the bounds', async () => {
  for (const [cacheControl, ms] of [
    [undefined, 60_000],
    ['max-age=1', 60_000],
    ['no-store', 60_000],
    ['max-age=600, no-cache', 60_000],
    ['max-age=600, no-store', 60_000],
    ['public, max-age=600', 600_000],
    ['Max-Age="600"', 600_000],
    ['max-age=999999999', 3_600_000],
    ['max-age=9999999999', 60_000],
    ['s-maxage=600', 60_000],
    ['max-age=-5', 60_000],
  ] as const) {
    const made = scene();
    made.answer = () => answerOf('{"a":1}', { cacheControl });
    assert.deepEqual({ ...(await made.documents.get(URL_ONE)) }, { a: 1 });
    made.clock.ms = ms - 1;
    assert.equal(await counts(made), 1, cacheControl);
    made.clock.ms = ms;
    assert.equal(await counts(made), 2, cacheControl);
  }
});

test('everything but a whole JSON object with status 200 is refused', async () => {
  const cases: readonly (readonly [string, Answer])[] = [
    ...[201, 204, 206, 301, 302, 303, 304, 307, 308, 400, 404, 500, 0].map(
      (status) => ['status', answerOf('{"a":1}', { status })] as const,
    ),
    ['type', answerOf('{"a":1}', { contentType: 'text/html' })],
    ['type', answerOf('{"a":1}', { contentType: 'application/jsonp' })],
    ['type', answerOf('{"a":1}', { contentType: undefined })],
    ['type', answerOf('{"a":1}', { contentEncoding: 'gzip' })],
    ['size', answerOf(`{"a":"${'x'.repeat(64)}"}`)],
    ['form', answerOf('[1]')],
    ['form', answerOf('{"a":1,"a":2}')],
    ['form', answerOf('{"a":1')],
    ['form', answerOf('\ufeff{"a":1}')],
    ['form', answerOf(Buffer.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d))],
    ['form', answerOf('')],
  ];
  for (const [fault, answer] of cases) {
    const made = scene();
    made.answer = () => answer;
    await assert.rejects(made.documents.get(URL_ONE), { name: 'OutsideError', fault }, `${fault} ${answer.status}`);
  }
  for (const contentType of ['application/json; charset=utf-8', 'application/jwk-set+json', 'APPLICATION/JSON']) {
    const made = scene();
    made.answer = () => answerOf('{"a":1}', { contentType });
    assert.equal((await made.documents.get(URL_ONE)).a, 1);
  }
});

test('an endless body is read no further than the bound, and a broken one is refused', async () => {
  const made = scene();
  let chunks = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      chunks++;
      yield Buffer.alloc(10, 0x20);
    }
  }
  made.answer = () => answerOf('', { body: endless() });
  await assert.rejects(made.documents.get(URL_ONE), { fault: 'size' });
  assert.equal(chunks, 7);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"a":1}');
    throw new Error('reset');
  }
  made.answer = () => answerOf('', { body: broken() });
  await assert.rejects(made.documents.get('https://idp.example/other'), { fault: 'unreachable' });
});

test('a URL that is not allowed, or whose host is inside, is not dialled', async () => {
  const made = scene({ resolve: async () => ['10.0.0.1'] });
  await assert.rejects(made.documents.get('http://idp.example/'), { fault: 'url' });
  await assert.rejects(made.documents.get(URL_ONE), { fault: 'address' });
  assert.deepEqual(made.dialled, []);
});

test('a resolver that changes its mind is dialled where it was checked', async () => {
  const answers = [['1.1.1.1'], ['127.0.0.1'], ['10.0.0.1']];
  let asked = 0;
  const made = scene({ resolve: async () => answers[asked++]! });
  await made.documents.get(URL_ONE);
  assert.deepEqual([made.dialled, asked], [['idp.example 1.1.1.1'], 1]);
});

test('the time is bounded for everything together, also for a resolver or a dialler that never answers', async () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  await assert.rejects(scene({ resolve: never, timeoutMs: 5 }).documents.get(URL_ONE), { fault: 'timeout' });
  await assert.rejects(scene({ dial: never, timeoutMs: 5 }).documents.get(URL_ONE), { fault: 'timeout' });
  const silent = scene({ timeoutMs: 5 });
  async function* hanging(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{');
    await never();
  }
  silent.answer = () => answerOf('', { body: hanging() });
  await assert.rejects(silent.documents.get(URL_ONE), { fault: 'timeout' });
});

test('one fetch a URL at a time: whoever comes while it runs shares it', async () => {
  const made = scene();
  let release: (answer: Answer) => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    made.answer = () => {
      resolve();
      return new Promise((done) => (release = done));
    };
  });
  const all = Promise.all([
    made.documents.get(URL_ONE),
    made.documents.get(URL_ONE),
    made.documents.get(URL_ONE, true),
  ]);
  await asked;
  release(answerOf('{"a":2}'));
  assert.deepEqual(
    (await all).map(({ a }) => a),
    [2, 2, 2],
  );
  assert.equal(made.dialled.length, 1);
});

test('after a failure nobody can make the authority look again before the pause is over', async () => {
  const made = scene();
  made.answer = () => answerOf('', { status: 500 });
  for (let i = 0; i < 5; i++) await assert.rejects(made.documents.get(URL_ONE), { fault: 'status' });
  await assert.rejects(made.documents.get(URL_ONE, true), { fault: 'status' });
  made.clock.ms = 9_999;
  assert.equal(await counts(made), 1);
  made.clock.ms = 10_000;
  assert.equal(await counts(made), 2);
});

test('a refresh looks again, but not within the pause after a fetch', async () => {
  const made = scene();
  await made.documents.get(URL_ONE);
  made.answer = () => answerOf('{"a":2}');
  assert.equal((await made.documents.get(URL_ONE, true)).a, 1);
  made.clock.ms = 10_000;
  assert.equal((await made.documents.get(URL_ONE)).a, 1);
  assert.equal((await made.documents.get(URL_ONE, true)).a, 2);
  assert.equal(made.dialled.length, 2);
});

test('a refresh that fails leaves the fresh document in use', async () => {
  const made = scene();
  await made.documents.get(URL_ONE);
  made.clock.ms = 10_000;
  made.answer = () => answerOf('', { status: 500 });
  assert.equal((await made.documents.get(URL_ONE, true)).a, 1);
});

test('the last good document serves through an outage, for its window and no longer', async () => {
  const made = scene({ lastGoodMs: 100_000 });
  await made.documents.get(URL_ONE);
  made.answer = () => answerOf('', { status: 500 });
  made.clock.ms = 159_999;
  assert.equal((await made.documents.get(URL_ONE)).a, 1);
  made.clock.ms = 160_000;
  await assert.rejects(made.documents.get(URL_ONE), { fault: 'status' });
});

test('one host is asked a bounded number of times a minute, whatever the path, and others go on', async () => {
  const made = scene({ perHost: 3 });
  made.answer = () => answerOf('', { status: 404 });
  for (let i = 0; i < 20; i++) await counts(made, `https://victim.example/${i}`);
  assert.equal(made.dialled.length, 3);
  await assert.rejects(made.documents.get('https://victim.example/x'), { fault: 'busy' });
  made.answer = () => answerOf('{"a":1}');
  assert.equal((await made.documents.get(URL_ONE)).a, 1);
  made.clock.ms = 60_000;
  assert.equal((await made.documents.get('https://victim.example/y')).a, 1);
});

test('hosts, memory and fetches at once are bounded', async () => {
  const made = scene({ entries: 5, atOnce: 2 });
  for (let i = 0; i < 8; i++) await counts(made, `https://host${i}.example/`);
  assert.equal(made.dialled.length, 5);
  await assert.rejects(made.documents.get('https://host9.example/'), { fault: 'busy' });

  const crowded = scene({ atOnce: 2 });
  let asked = 0;
  let release: () => void = () => undefined;
  const open = new Promise<void>((done) => (release = done));
  const both = new Promise<void>((resolve) => {
    crowded.answer = async () => {
      if (++asked === 2) resolve();
      if (asked <= 2) await open;
      return answerOf('{"a":1}');
    };
  });
  const running = [1, 2].map((i) => crowded.documents.get(`https://host${i}.example/`));
  await both;
  await assert.rejects(crowded.documents.get('https://host3.example/'), { fault: 'busy' });
  release();
  await Promise.all(running);
});

test('what was used least lately makes room', async () => {
  const made = scene({ entries: 5 });
  for (const i of [1, 2, 3, 4, 5]) await counts(made, `${URL_ONE}${i}`);
  await counts(made, `${URL_ONE}1`);
  await counts(made, `${URL_ONE}6`);
  assert.equal(made.dialled.length, 6);
  assert.equal(await counts(made, `${URL_ONE}1`), 6);
  assert.equal(await counts(made, `${URL_ONE}2`), 7);
});

test('bounds that contradict each other are refused when the memory is made', () => {
  assert.throws(() => scene({ coolDownMs: 60_001 }), TypeError);
  assert.throws(() => scene({ mostMs: 59_999 }), TypeError);
  assert.throws(() => scene({ entries: 4 }), TypeError);
});
