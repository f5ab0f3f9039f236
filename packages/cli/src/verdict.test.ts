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

test('policy test --websocket asks for one, which a rule has to say', async () => {
  const rule = { origin: 'https://stream.example', methods: ['GET'], paths: ['/v1/*'] };
  const url = 'https://stream.example/v1/x';
  const rules = ['--policy', file('live.json', { allow: [rule, { ...rule, paths: ['/v1/x'], websocket: true }] })];
  assert.deepEqual((await ask('test', 'GET', url, [...rules, '--websocket'])).said.rule, 2);
  const plain = await ask('test', 'GET', url, ['--policy', file('plain.json', { allow: [rule] }), '--websocket']);
  assert.deepEqual([plain.code, plain.said.unmet], [5, ['websocket']]);
  const why = 'denied by the policy: rule 1 comes nearest, but it does not say that a WebSocket may be opened';
  assert.equal(plain.said.message, why);
  const { said } = await ask('explain', 'GET', url, [...rules, '--websocket']);
  assert.deepEqual(
    (said.rules as { unmet: string[] }[]).map(({ unmet }) => unmet),
    [['websocket'], []],
  );
});

test('policy test names the nearest rule and everything of it that does not take the request', async () => {
  const upload = await ask('test', 'GET', 'https://uploads.github.com/repos/o/r/releases/1/assets', policy);
  assert.deepEqual([upload.code, upload.said.rule, upload.said.unmet], [5, 2, ['methods']]);
  assert.equal(upload.said.message, 'denied by the policy: rule 2 comes nearest, but it does not allow this method');
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
  assert.match(String(other.said.message), /but the query has "sort", which it does not list$/);
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

test('policy test names what of a query or body is unmet, and asks for a body that was not given', async () => {
  const rule = { origin: 'https://api.github.com', methods: ['POST'], paths: ['/a'], query: ['q'] };
  const body = [{ pointer: '/draft', equals: true }];
  const from = ['--policy', file('why.json', { allow: [{ ...rule, body }] })];
  const why = async (query: string, of: string[]) =>
    (await ask('test', 'POST', `https://api.github.com/a${query}`, [...from, ...of])).said.message;
  const nearest = 'denied by the policy: rule 1 comes nearest, but ';
  assert.equal(
    await why('?sort=1&q=2&q=3', ['--body', file('right.json', '{"draft":true}')]),
    `${nearest}the query has "sort", which it does not list, and the query has "q" more than once`,
  );
  assert.equal(
    await why('', []),
    `${nearest}it has conditions on the body: give the body of the request with --body FILE`,
  );
  const wrong = ['--body', file('wrong.json', '{"draft":false}')];
  assert.equal(await why('', wrong), `${nearest}the body does not hold what it must at /draft`);
});

test('[dispatch.bound] policy test: a GraphQL rule is asked of the document in the body or in the URL', async () => {
  const rule = { origin: 'https://api.github.com', methods: ['GET', 'POST'], paths: ['/graphql'] };
  const from = ['--policy', file('graphql.json', { allow: [{ ...rule, graphql: { operations: ['query'] } }] })];
  const url = 'https://api.github.com/graphql';
  const sent = (name: string, query: string) => [...from, '--body', file(name, { query })];
  assert.equal((await ask('test', 'POST', url, sent('query.json', 'query A { a }'))).code, 0);
  assert.equal((await ask('test', 'GET', `${url}?query=query%20A%7Ba%7D`, from)).code, 0);
  const { code, said } = await ask('test', 'POST', url, sent('mutation.json', 'mutation A { a }'));
  assert.deepEqual([code, said.unmet], [5, ['graphql']]);
  assert.match(String(said.message), /a mutation is not one of its operations$/);
  assert.match(String((await ask('test', 'POST', url, from)).said.message), /give the body of the request with --body/);
});

test("[dispatch.bound] policy test: the operator's file is asked last, only narrows, and is said to have decided", async () => {
  const rules = { deny: { hosts: ['*.github.com'] }, hours: [{ days: ['sun'], from: '08:00', to: '09:00' }] };
  const operator = ['--operator', file('operator.json', { executor: { rules } })];
  const url = 'https://api.github.com/user';
  const denied = await ask('test', 'GET', url, [...narrowed, ...operator]);
  assert.deepEqual([denied.code, denied.said.by, denied.said.unmet], [5, 'operator', ['origin']]);
  assert.match(
    String(denied.said.message),
    /^denied by the operator: nothing goes to this origin \(rules\.deny\); allowed by rule 1/,
  );
  const alone = file('alone.yaml', 'rules: { requestBytes: 2, hours: [{ from: "08:00", to: "09:00" }] }');
  const at = (time: string) => ask('test', 'GET', url, [...envelope, '--operator', alone, '--at', time]);
  const open = await at('2026-11-29T08:59:59Z');
  assert.deepEqual(
    [open.code, open.said.by, open.said.message],
    [0, 'operator', 'allowed by rule 1, and by the operator'],
  );
  assert.deepEqual([(await at('2026-11-29T09:00Z')).said.unmet], [['hours']]);
  const large = ['--operator', alone, '--at', '2026-11-29T08:00Z', '--body', file('large.json', '{} ')];
  assert.deepEqual((await ask('test', 'POST', url, [...envelope, ...large])).said.unmet, ['requestBytes']);
  const other = await ask('test', 'DELETE', url, [...envelope, ...operator]);
  assert.deepEqual([other.code, other.said.by], [5, 'policy']);
  for (const [name, content] of [
    ['none.yaml', 'limits: {}'],
    ['bad.yaml', 'rules: { deny: { host: [] } }'],
  ] as const) {
    const args = ['policy', 'test', 'GET', url, ...envelope, '--operator', file(name, content)];
    const { code, stderr } = await runDauth(args, dir);
    assert.equal(code, 2);
    assert.match(stderr, name === 'none.yaml' ? /has no rules/ : /"host" is not one of its members: hosts/);
  }
});

test('policy explain is readable on 80 columns', async () => {
  const paths = Array.from({ length: 20 }, (_, index) => `/projects/*/part-${index}/**`);
  const from = [
    '--policy',
    file('wide-rule.json', { allow: [{ origin: 'https://a.example', methods: ['GET'], paths }] }),
  ];
  const narrow = (text: string) => text.split('\n').every((line) => line.length <= 80);
  const { stdout } = await runDauth(['policy', 'explain', 'GET', 'https://a.example/x', ...from], dir);
  assert.ok(narrow(stdout), stdout);
  // A sentence by itself: of a URL that no rule of any kind takes.
  const known = ['policy', 'explain', 'POST', 'https://login.example/oauth2/v1/token', ...from];
  const refused = await runDauth(known, dir);
  assert.match(refused.stdout, /^denied, whatever the rules say: .*\n {2}\S/);
  assert.ok(narrow(refused.stdout), refused.stdout);
});

test('policy explain says once why the nearest does not take a request: with it', async () => {
  const rule = { origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'], query: [] };
  const from = ['--policy', file('once.json', { allow: [rule] })];
  const url = 'https://api.github.com/user?page=2';
  const why = 'it does not allow this method, and the query has "page", which it does not list';
  const plain = await runDauth(['policy', 'explain', 'DELETE', url, ...from], dir);
  const [first, second] = plain.stdout.split('\n\n').map((part) => part.replaceAll(/\n {2}(?=\S+ \S)/g, ' '));
  assert.equal(first, 'denied by the policy: rule 1 comes nearest');
  assert.ok(second!.startsWith(`rule 1: ${why}`), plain.stdout);
  const denied = `denied by the policy: rule 1 comes nearest, but ${why}`;
  assert.equal((await ask('explain', 'DELETE', url, from)).said.message, denied);
  const tested = await runDauth(['policy', 'test', 'DELETE', url, ...from], dir);
  assert.equal(tested.stdout, `${denied}\n`);
  const token = await runDauth(['policy', 'explain', 'POST', 'https://api.github.com/user', ...narrowed], dir);
  assert.ok(
    token.stdout.startsWith('denied by the token: rule 1 of the policy allows it; detail 1 comes nearest\n\n'),
    token.stdout,
  );
});

test('policy explain says which keys a server has to have, of the URL asked about and of no other', async () => {
  const spki = [{ origin: 'https://api.github.com', sha256: ['A'.repeat(43)] }];
  const from = ['--policy', file('pinned.json', { allow, spki })];
  const asked = await ask('explain', 'GET', 'https://api.github.com/user', from);
  assert.deepEqual([asked.code, asked.said.spki], [0, spki]);
  const plain = await runDauth(['policy', 'explain', 'GET', 'https://api.github.com/user', ...from], dir);
  assert.ok(
    plain.stdout.endsWith(
      `\n\nIt is sent to https://api.github.com only where the certificate leads to the key\n  ${'A'.repeat(43)}.\n`,
    ),
    plain.stdout,
  );
  const upload = await ask('explain', 'GET', 'https://uploads.github.com/repos/o/r/releases/1/assets', from);
  assert.deepEqual(upload.said.spki, []);
  const elsewhere = file('elsewhere.json', { allow, spki: [{ ...spki[0], origin: 'https://api.github.example' }] });
  const wrong = await runDauth(['policy', 'test', 'GET', 'https://api.github.com/user', '--policy', elsewhere], dir);
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
    'allowed by rule 1\n\nrule 1: allowed\n  origin   https://api.github.com\n  methods  GET POST\n  paths    /repos/** /user\n  query    with any query\n  body     with any body\n',
  );
});

for (const path of ['/a/../user', '/user/%2e%2e/x', '//user', '/caf\u00e9', '/user?a=<b>']) {
  test(`[dispatch.bound] policy test: ${path} is taken as it stands, and denied whatever the rules say`, async () => {
    const { code, said } = await ask('test', 'GET', `https://api.github.com${path}`, policy);
    assert.deepEqual([code, said.by, said.rule], [5, 'request', null]);
  });
}

test('[response.clean] policy test: a known token endpoint is denied whatever the rules say, by the rule that knows it', async () => {
  const rules = { allow: [{ origin: 'https://login.example', methods: ['POST'], paths: ['/**'] }] };
  const from = ['--policy', file('login.json', rules)];
  for (const verb of ['test', 'explain'] as const) {
    const { code, said } = await ask(verb, 'POST', 'https://login.example/oauth2/v1/token', from);
    assert.deepEqual([code, said.allowed, said.by, said.rule], [5, false, 'request', null]);
    assert.match(
      String(said.message),
      /^denied, whatever the rules say: This is a known token endpoint \(a path that ends with token, behind oauth2\)/,
    );
  }
  assert.equal((await ask('test', 'POST', 'https://login.example/oauth2/v1/tokeninfo', from)).code, 0);
});

for (const [what, args, message] of [
  ['no rules', ['GET', 'https://a.example/'], /--envelope FILE or from --policy FILE/],
  ['rules from both', ['GET', 'https://a.example/', ...policy, ...envelope], /one of the two/],
  [
    'a file that is not there',
    ['GET', 'https://a.example/', '--policy', 'gone.json'],
    /that --policy names cannot be read/,
  ],
  [
    'a body that is not there',
    ['POST', 'https://a.example/', ...policy, '--body', 'gone.json'],
    /that --body names cannot/,
  ],
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
