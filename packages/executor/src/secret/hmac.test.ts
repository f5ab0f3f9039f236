/** HMAC signatures against what the services published, and against the same written plainly. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { DAuthError, parseInjections, type Injection } from '@dauth/protocol';
import fc from 'fast-check';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { inject, type Fillable } from './inject.ts';

const TO_HEADER = [{ in: 'header', name: 'x-signature', value: '{@signature}' }];

function schemeOf(changes: object = {}): readonly Injection[] {
  return parseInjections([
    { scheme: 'hmac', key: '{key}', hash: 'sha256', sign: '{@body}', put: TO_HEADER, ...changes },
  ]);
}

function signed(scheme: object, request: Fillable, fields: Readonly<Record<string, string>>) {
  using plaintext = plaintextOf(fields);
  const filled = inject(plaintext, schemeOf(scheme), request);
  return { target: filled.target.toString('latin1'), lines: filled.lines.toString('latin1'), secrets: filled.secrets };
}

// --- examples that the services published

interface Published {
  readonly name: string;
  readonly scheme: object;
  readonly key: string;
  readonly request: Fillable;
  readonly target?: string;
  readonly lines?: string;
}

const ORDER = 'symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC';
const SLACK_BODY =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar' +
  '&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com' +
  '%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
const BINANCE = 'NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j';
const inQuery = (name: string, part: string) => ({ in: 'query', name, value: `{@${part}}` });

const PUBLISHED: readonly Published[] = [
  {
    name: 'Binance, all in the query',
    scheme: {
      ...{ sign: '{@query}{@body}', timestamp: 'ms' },
      put: [inQuery('timestamp', 'timestamp'), inQuery('signature', 'signature')],
    },
    key: BINANCE,
    request: fillable(`/api/v3/order?${ORDER}&quantity=1&price=0.1&recvWindow=5000`, {
      method: 'POST',
      atMs: 1_499_827_319_559,
    }),
    target: `/api/v3/order?${ORDER}&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71`,
  },
  {
    name: 'Binance, in query and body',
    scheme: { sign: '{@query}{@body}', put: [inQuery('signature', 'signature')] },
    key: BINANCE,
    request: fillable(`/api/v3/order?${ORDER}`, {
      method: 'POST',
      body: Buffer.from('quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559'),
    }),
    target: `/api/v3/order?${ORDER}&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77`,
  },
  {
    name: 'Kraken',
    scheme: {
      ...{
        key_encoding: 'base64',
        hash: 'sha512',
        encoding: 'base64',
        sign: '{@path}{@digest}',
        nonce: { form: 'nonce' },
      },
      digest: { hash: 'sha256', of: '{@nonce}{@body}', encoding: 'raw' },
      put: [{ in: 'header', name: 'api-sign', value: '{@signature}' }],
    },
    key: 'kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==',
    request: fillable('/0/private/AddOrder', {
      method: 'POST',
      body: Buffer.from('nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25'),
    }),
    lines: 'api-sign: 4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==\r\n',
  },
  {
    name: 'GitHub’s webhooks',
    scheme: { put: [{ in: 'header', name: 'x-hub-signature-256', value: 'sha256={@signature}' }] },
    key: "It's a Secret to Everybody",
    request: fillable('/hook', { method: 'POST', body: Buffer.from('Hello, World!') }),
    lines: 'x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n',
  },
  {
    name: 'Slack’s requests',
    scheme: {
      ...{ sign: 'v0:{@timestamp}:{@body}', timestamp: 's' },
      put: [
        { in: 'header', name: 'x-slack-request-timestamp', value: '{@timestamp}' },
        { in: 'header', name: 'x-slack-signature', value: 'v0={@signature}' },
      ],
    },
    key: '8f742231b10e8888abcd99yyyzzz85a5',
    request: fillable('/hook', { method: 'POST', atMs: 1_531_420_618_999, body: Buffer.from(SLACK_BODY) }),
    lines:
      'x-slack-request-timestamp: 1531420618\r\n' +
      'x-slack-signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503\r\n',
  },
];
for (const { name, scheme, key, request, target, lines } of PUBLISHED) {
  test(`the published example of ${name} is signed as published`, () => {
    const made = signed(scheme, request, { key });
    assert.deepEqual([made.target, made.lines], [target ?? request.target, lines ?? '']);
  });
}

// --- the same, written plainly

const PARTS = ['method', 'host', 'path', 'query', 'target', 'body', 'timestamp', 'lf', 'digest'] as const;

test('any order of parts is signed as it stands, with any key, hash and encoding', () => {
  const given = fc.record({
    parts: fc.array(fc.oneof(fc.constantFrom(...PARTS), fc.stringMatching(/^[a-z :|]{1,5}$/)), {
      minLength: 1,
      maxLength: 8,
    }),
    hash: fc.constantFrom('sha1', 'sha256', 'sha384', 'sha512'),
    digest: fc.constantFrom('sha256', 'sha512'),
    encoding: fc.constantFrom('hex', 'base64'),
    key: fc.uint8Array({ minLength: 8, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    keyEncoding: fc.constantFrom('hex', 'base64'),
    query: fc.constantFrom('', '?', '?a=1&b=%20'),
    body: fc.uint8Array({ maxLength: 50 }),
    method: fc.constantFrom('GET', 'POST'),
    atMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  });
  const same = fc.property(given, ({ parts, hash, digest, encoding, key, keyEncoding, query, body, method, atMs }) => {
    const isPart = (part: string) => (PARTS as readonly string[]).includes(part);
    const text = parts.map((part) => (isPart(part) ? `{@${part}}` : part)).join('');
    const names = (part: string) => parts.includes(part as never);
    const value: Record<string, Uint8Array> = {
      ...{
        method: Buffer.from(method),
        host: Buffer.from('api.example'),
        path: Buffer.from('/a/b'),
        lf: Buffer.from('\n'),
      },
      ...{ query: Buffer.from(query.slice(1)), target: Buffer.from(`/a/b${query}`), body },
      ...{ timestamp: Buffer.from(new Date(atMs).toISOString()), digest: createHash(digest).update(body).digest() },
    };
    const plain = Buffer.concat(parts.map((part) => (isPart(part) ? value[part]! : Buffer.from(part))));
    const scheme = {
      ...{ key_encoding: keyEncoding, hash, encoding, sign: text },
      ...(names('timestamp') ? { timestamp: 'iso' } : {}),
      ...(names('digest') ? { digest: { hash: digest, of: '{@body}', encoding: 'raw' } } : {}),
    };
    const request = fillable(`/a/b${query}`, { method, body, atMs });
    assert.equal(
      signed(scheme, request, { key: key.toString(keyEncoding) }).lines,
      `x-signature: ${createHmac(hash, key).update(plain).digest(encoding)}\r\n`,
    );
  });
  fc.assert(same, { numRuns: 200 });
});

test('slots, fields and what is put are in what is signed, the signature alone is not', () => {
  const scheme = {
    ...{ sign: '{id}|{@target}|{@nonce}', nonce: 'counter' },
    put: [inQuery('nonce', 'nonce'), inQuery('sig', 'signature'), { in: 'header', name: 'x-key', value: 'id {id}' }],
  };
  using plaintext = plaintextOf({ key: 'a-secret-key', id: 'key-id-1', token: 'a&b=c d+e' });
  const slots = [{ in: 'query', name: 'key', value: '{token}' }, ...schemeOf(scheme)];
  const { target, lines } = inject(plaintext, parseInjections(slots), fillable('/a?'));
  const [, before, nonce, signature] = /^(\/a\?key=a%26b%3Dc%20d%2Be&nonce=(\d+))&sig=([0-9a-f]{64})$/.exec(
    target.toString(),
  )!;
  assert.equal(signature, createHmac('sha256', 'a-secret-key').update(`key-id-1|${before}|${nonce}`).digest('hex'));
  assert.equal(lines.toString(), 'x-key: id key-id-1\r\n');
});

test('a nonce that counts is higher each time, whatever the clock does; a random one is another each time', () => {
  const nonceAt = (nonce: string, atMs: number): string => {
    const put = [{ in: 'header', name: 'x-nonce', value: '{@nonce}' }, ...TO_HEADER];
    return /^x-nonce: (\S+)\r$/m.exec(
      signed({ nonce, put }, fillable('/', { atMs }), { key: 'a-secret-key' }).lines,
    )![1]!;
  };
  const counted = [2_000_000_000_000, 2_000_000_000_000, 1_900_000_000_000, 2_000_000_000_001].map((at) =>
    Number(nonceAt('counter', at)),
  );
  assert.deepEqual(
    counted,
    [...counted].sort((a, b) => a - b),
  );
  assert.equal(new Set(counted).size, 4);
  assert.equal(counted[0], 2_000_000_000_000_000);
  assert.match(nonceAt('random', 0), /^[0-9a-f-]{36}$/);
  assert.notEqual(nonceAt('random', 0), nonceAt('random', 0));
});

test('[response.clean] the key as it is sealed and as it is decoded, and the signature, are looked for in the answer', () => {
  const raw = Buffer.from('00ff0a112233445566778899aabbccddeeff', 'hex');
  for (const key_encoding of ['hex', 'base64'] as const) {
    const text = raw.toString(key_encoding);
    const { secrets, lines } = signed({ key_encoding }, fillable(), { key: text });
    const signature = Buffer.from(lines.slice('x-signature: '.length, -2));
    for (const wanted of [Buffer.from(text), raw, signature])
      assert.ok(
        secrets.some((secret) => secret.equals(wanted)),
        wanted.toString('latin1'),
      );
  }
});

test('[response.clean] a digest over a field is looked for in the answer like a signature', () => {
  const digest = { hash: 'sha256', of: '{key}{@body}', encoding: 'hex' };
  const put = [...TO_HEADER, { in: 'header', name: 'x-digest', value: '{@digest}' }];
  const { secrets } = signed({ digest, put }, fillable('/', { body: Buffer.from('text') }), { key: 'a-secret-key' });
  const made = createHash('sha256').update('a-secret-keytext').digest('hex');
  assert.ok(secrets.some((secret) => secret.equals(Buffer.from(made))));
});

test('[response.clean] a field that is put many times is looked for once', () => {
  const put = ['a', 'b'].map((name) => ({ in: 'query', name, value: '{key}{key}{@signature}' }));
  const { secrets } = signed({ put }, fillable(), { key: 'a/secret/key' });
  const written = Buffer.from('a%2Fsecret%2Fkey');
  assert.equal(secrets.filter((secret) => secret.equals(written)).length, 1);
});

const FORM = { ...{ sign: '{@nonce}{@body}', nonce: { form: 'nonce' } } };
const REFUSED: readonly {
  name: string;
  scheme: object;
  key?: string;
  request?: Fillable;
  code: string;
  says: RegExp;
}[] = [
  {
    name: 'a key that is no base64',
    scheme: { key_encoding: 'base64' },
    key: 'not base64!!',
    code: 'POLICY_DENIED',
    says: /is no base64/,
  },
  {
    name: 'a key that is no hex',
    scheme: { key_encoding: 'hex' },
    key: 'abcdefghijkl',
    code: 'POLICY_DENIED',
    says: /is no hex/,
  },
  {
    name: 'a decoded key of seven octets',
    scheme: { key_encoding: 'hex' },
    key: '00112233445566',
    code: 'POLICY_DENIED',
    says: /too short to be recognized/,
  },
  {
    name: 'a body that streams',
    scheme: {},
    request: fillable('/', { body: null }),
    code: 'POLICY_DENIED',
    says: /cannot be signed on its way/,
  },
  {
    name: 'a line break in a header',
    scheme: { put: [{ in: 'header', name: 'x', value: '{key}{@signature}' }] },
    key: 'a-key\r\nx: yy',
    code: 'POLICY_DENIED',
    says: /its slot cannot carry/,
  },
  ...[
    '',
    'a=1',
    'nonce=1&nonce=2',
    'nonce=1&n%6Fnce=2',
    'nonce=1&NONCE=2',
    'n%6Fnce=1',
    'nonce',
    'nonce=',
    'nonce=a%20b',
    'nonce=1;nonce=2',
    'nonce=1&nonce[]=2',
    'a=1;nonce=2',
  ].map((body) => ({
    ...{
      name: `a form with the nonce as in "${body}"`,
      scheme: FORM,
      request: fillable('/', { body: Buffer.from(body) }),
    },
    ...{ code: 'INVALID_REQUEST', says: /the nonce of the signature exactly once/ },
  })),
];
for (const { name, scheme, key = 'a-secret-key', request = fillable(), code, says } of REFUSED) {
  test(`[dispatch.bound] refuses to sign before anything is sent: ${name}`, () => {
    assert.throws(
      () => signed(scheme, request, { key }),
      (error: unknown) => error instanceof DAuthError && error.code === code && says.test(error.publicMessage),
    );
  });
}
