import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runDauth } from './authority.test-support.ts';

const dir = mkdtempSync(join(tmpdir(), 'dauth-verdict-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const published = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), 'utf8'));
const { allow, details, requests } = published('dispatch') as {
  allow: unknown;
  details: object[];
  requests: { origin: string; method: string; path: string; allowed: boolean; why?: string }[];
};
const [sealed] = (published('envelope') as { accepted: { envelope: string }[] }).accepted;

const file = (name: string, value: unknown): string => {
  const path = join(dir, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
};
const policy = ['--policy', file('policy.json', { allow })];
const narrowed = [...policy, '--details', file('details.json', details)];
const envelope = ['--envelope', file('github.jwe', `${sealed!.envelope}\n`)];

async function ask(verb: 'test' | 'explain', method: string, url: string, from: readonly string[]) {
  const { code, stdout, stderr } = await runDauth(['policy', verb, method, url, ...from, '--json'], dir);
  assert.equal(stderr, '');
  return { code, said: JSON.parse(stdout) as Record<string, unknown> };
}

for (const { origin, method, path, allowed, why } of requests) {
  test(`[dispatch.bound] policy test: ${method} ${origin}${path} is ${allowed ? 'allowed' : `denied: ${why}`}`, async () => {
    const { code, said } = await ask('test', method, origin + path, narrowed);
    assert.deepEqual([code, said.allowed], allowed ? [0, true] : [5, false]);
  });
}

test('policy test names the rule that allows a request, and says so in one line', async () => {
  const { code, said } = await ask('test', 'GET', 'https://api.github.com/user', envelope);
  assert.deepEqual(
    [code, said],
    [0, { allowed: true, by: 'policy', rule: 1, detail: null, unmet: [], message: 'allowed by rule 1' }],
  );
  const plain = await runDauth(['policy', 'test', 'GET', 'https://api.github.com/user', ...narrowed], dir);
  assert.deepEqual(
    [plain.code, plain.stdout, plain.stderr],
    [0, 'allowed by rule 1 of the policy and detail 1 of the token\n', ''],
  );
});

test('policy test names the nearest rule and everything of it that does not take the request', async () => {
  const upload = await ask('test', 'GET', 'https://uploads.github.com/repos/o/r/releases/1/assets', policy);
  assert.deepEqual([upload.code, upload.said.rule, upload.said.unmet], [5, 2, ['methods']]);
  assert.equal(upload.said.message, 'denied by the policy: rule 2 comes nearest, but it does not have the method');
  const other = await ask('test', 'DELETE', 'https://uploads.github.com/elsewhere', policy);
  assert.deepEqual([other.said.rule, other.said.unmet], [2, ['methods', 'paths']]);
});

test('[dispatch.bound] policy test: a query that the rule does not list is denied, and said to be why', async () => {
  const rule = { origin: 'https://api.github.com', methods: ['GET'], paths: ['/search'], query: ['q'] };
  const from = ['--policy', file('query.json', { allow: [rule] })];
  const { code } = await ask('test', 'GET', 'https://api.github.com/search?q=1', from);
  assert.equal(code, 0);
  const other = await ask('test', 'GET', 'https://api.github.com/search?q=1&sort=up', from);
  assert.deepEqual([other.code, other.said.rule, other.said.unmet], [5, 1, ['query']]);
  assert.match(
    String(other.said.message),
    /but the query has a name that it does not list, one twice, or one of a member that its conditions are on$/,
  );
});

test('[dispatch.bound] policy test: a rule with conditions on the body is asked of the body, and takes nothing without', async () => {
  const body = [{ pointer: '/draft', equals: true }];
  const rule = { origin: 'https://api.github.com', methods: ['POST'], paths: ['/pulls'], body };
  const from = ['--policy', file('body.json', { allow: [rule] })];
  const asked = (of: string[]) => ask('explain', 'POST', 'https://api.github.com/pulls', [...from, ...of]);
  const good = await asked(['--body', file('good.json', '{"draft":true,"n":1.50}')]);
  assert.deepEqual([good.code, good.said.rule], [0, 1]);
  for (const of of [[], ['--body', file('bad.json', '{"draft":true,"Draft":false}')]]) {
    const { code, said } = await asked(of);
    assert.deepEqual([code, said.unmet], [5, ['body']]);
  }
  const twice = ['policy', 'test', 'POST', 'https://api.github.com/pulls', ...from];
  const wrong = await runDauth([...twice, '--body', file('twice.json', '{"draft":false,"draft":true}')], dir);
  assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
});

test('[token.bound] policy test: what the policy allows and the token does not is denied by the token', async () => {
  const { code, said } = await ask('test', 'POST', 'https://api.github.com/user', narrowed);
  assert.deepEqual([code, said.by, said.rule, said.detail, said.unmet], [5, 'token', 1, 1, ['actions']]);
  const none = ['--policy', policy[1]!, '--details', file('none.json', [])];
  const empty = await ask('test', 'GET', 'https://api.github.com/user', none);
  assert.deepEqual([empty.code, empty.said.by, empty.said.detail], [5, 'token', null]);
});

test('[token.bound] policy test: the details of another connection than the envelope allow nothing', async () => {
  const from = [...envelope, '--details', file('other.json', details)];
  const { code, said } = await ask('test', 'GET', 'https://api.github.com/user', from);
  assert.deepEqual([code, said.by, said.unmet], [5, 'token', ['identifier']]);
});

test('policy explain says of every rule what it says', async () => {
  const { code, said } = await ask('explain', 'POST', 'https://api.github.com/user', narrowed);
  assert.equal(code, 5);
  const unmet = (of: unknown) => (of as { unmet: string[] }[]).map((each) => each.unmet);
  assert.deepEqual([unmet(said.rules), unmet(said.details)], [[[], ['origin', 'paths']], [['actions']]]);
  const plain = await runDauth(['policy', 'explain', 'GET', 'https://api.github.com/user', ...envelope], dir);
  assert.equal(
    plain.stdout,
    'allowed by rule 1\n\nrule  says     origin                  methods   paths            query           body\n1     allowed  https://api.github.com  GET POST  /repos/** /user  with any query  with any body\n',
  );
});

for (const path of ['/a/../user', '/user/%2e%2e/x', '//user', '/caf\u00e9', '/user?a=<b>']) {
  test(`[dispatch.bound] policy test: ${path} is taken as it stands, and denied whatever the rules say`, async () => {
    const { code, said } = await ask('test', 'GET', `https://api.github.com${path}`, policy);
    assert.deepEqual([code, said.by, said.rule], [5, 'request', null]);
  });
}

for (const [what, args, message] of [
  ['no rules', ['GET', 'https://a.example/'], /--envelope FILE or from --policy FILE/],
  ['rules from both', ['GET', 'https://a.example/', ...policy, ...envelope], /one of the two/],
  ['a file that is not there', ['GET', 'https://a.example/', '--policy', 'gone.json'], /cannot be read/],
  ['a method in lowercase', ['get', 'https://a.example/', ...policy], /METHOD cannot be used\./],
  ['a URL without a path', ['GET', 'https://a.example', ...policy], /an origin and a path/],
  ['a URL with a fragment', ['GET', 'https://a.example/#x', ...policy], /without a fragment/],
  ['an origin in capitals', ['GET', 'https://A.example/', ...policy], /URL cannot be used\./],
  [
    'a member that nobody knows',
    ['GET', 'https://a.example/', '--policy', file('wide.json', { allow, deny: [] })],
    /--policy cannot be used\. A policy file has a member that is not defined for it\./,
  ],
  ['an envelope that is none', ['GET', 'https://a.example/', '--envelope', policy[1]!], /--envelope cannot be used\./],
  [
    'details of two connections',
    [
      ...['GET', 'https://a.example/', ...policy, '--details'],
      file('two.json', [...details, { ...details[0], identifier: 'ddls:conn:01900000-0000-7000-8000-000000000001' }]),
    ],
    /of one connection/,
  ],
  ['an argument too many', ['GET', 'https://a.example/', 'x', ...policy], /an argument too many/],
] as const) {
  test(`policy test: ${what} is a usage error that repeats nothing`, async () => {
    const { code, stdout, stderr } = await runDauth(['policy', 'test', ...args], dir);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
    assert.equal(/a\.example/i.test(stderr), false);
  });
}
