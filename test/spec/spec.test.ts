/**
 * The specification against the code: each example in spec/dauth.md is read by the codec that reads it on the wire, and
 * every file of vectors/ is named on its page and run by some test.
 */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { protect, type AuthorizationConfig } from '@dauth/mcp';
import {
  bodySlots,
  databaseOf,
  DAuthError,
  encodeEnvelopeHeader,
  exactObject,
  integer,
  isErrorCode,
  isObject,
  joinEnvelope,
  JsonBody,
  allowsRequest,
  parseAllow,
  parseBufferedDispatch,
  parseClaims,
  parseConnectionLimits,
  parseConnectionName,
  parseConnectionStatus,
  parseDetails,
  parseDetailsRequest,
  parseDirectory,
  parseEchoes,
  parseEndorsements,
  parseEnvelope,
  parseHandle,
  parseInjections,
  parseJson,
  parseOrigin,
  parseReseal,
  parseResource,
  parseResponseHeaders,
  parseSpki,
  parseStatus,
  parseSubprotocols,
  parseThumbprint,
  problemDocument,
  seconds,
  splitJws,
  text,
  type EnvelopeHeader,
  type JsonObject,
} from '@dauth/protocol';
import { sha256Base64url, verifySealProof } from '@dauth/verify';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(join(root, 'spec/dauth.md'), 'utf8');
const examples = new Map(
  [...page.matchAll(/^```(\w+) example=([\w-]+)\n([\s\S]*?)\n```$/gm)].map(([, , name, body]) => [name!, body!]),
);

interface Vectors {
  readonly envelope: { accepted: { header: string; plaintext: string; envelope: string; seal_proof?: string }[] };
  readonly token: {
    carried: { access_token: string; accepted: { proof: string }[] };
    dispatch: { accepted: { token: string }[] };
  };
  readonly dispatch: { calls: { items: { request: { body?: string }; sent?: { body?: string } }[] } };
  readonly directory: { accepted: { directory: string }[] };
  readonly status: { accepted: { claims: object }[] };
}
const vector = <K extends keyof Vectors>(name: K): Vectors[K] =>
  JSON.parse(readFileSync(join(root, `vectors/${name}.json`), 'utf8')) as Vectors[K];

const first = vector('envelope').accepted[0]!;
const { carried, dispatch } = vector('token');
const claimsOf = (jws: string) => parseClaims(splitJws(jws, 100_000).payload, 100_000);
/** Examples stand on several lines; what they say is compared, not how it is spaced. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** An example's text with the examples and vectors it names put in. */
function assertInjection(written: JsonObject): void {
  assert.deepEqual(plain(parseInjections([written])[0]), plain(written));
}

function example(name: string): string {
  const body = examples.get(name);
  assert.ok(body !== undefined, `spec/dauth.md has no example=${name}`);
  const named: Readonly<Record<string, string>> = {
    envelope: first.envelope,
    'seal-proof': examples.get('seal-proof') ?? '',
    subject_dpop: carried.accepted[0]!.proof,
    access_token: carried.access_token,
    'ath of the access token': sha256Base64url(carried.access_token),
  };
  return body.replaceAll(/\{([a-z][\w -]*)\}/g, (all, key: string) => named[key] ?? all);
}

function object(name: string): JsonObject {
  const value = parseJson(example(name), 100_000);
  assert.ok(isObject(value), name);
  return value;
}

/** A member of an envelope's policy, read with the rest of it. */
function assertMember(name: string, more: object): void {
  const header = JSON.parse(first.header) as EnvelopeHeader;
  const dauth = { ...header.dauth, ...more, [name]: object(name) };
  const segment = encodeEnvelopeHeader({ ...header, dauth });
  const { header: read } = parseEnvelope(joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80)));
  assert.deepEqual(plain(read.dauth[name as 'capture' | 'captured']), plain(object(name)));
}

/** Each example by its name; what it must stand up to. */
const CHECKS: Readonly<Record<string, (name: string) => void>> = {
  envelope: (name) => assert.equal(parseEnvelope(example(name)).header.alg, 'HPKE-3'),
  header: (name) => assert.deepEqual(plain(object(name)), JSON.parse(first.header)),
  spki: (name) => {
    const written = parseJson(example(name), 1_000);
    assert.deepEqual(plain(parseSpki(written, [parseOrigin('https://api.github.com')])), plain(written));
  },
  capture: (name) =>
    assertMember(name, { allow: [{ origin: 'https://api.example', methods: ['POST'], paths: ['/login'] }] }),
  captured: (name) => assertMember(name, { handle: 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1b' }),
  'response-headers': (name) => {
    const written = parseJson(example(name), 1_000);
    assert.deepEqual(parseResponseHeaders(written), written);
  },
  echoes: (name) => {
    const allow = parseAllow([{ origin: 'https://api.example', methods: ['GET'], paths: ['/**'] }]);
    assert.equal(parseEchoes(parseJson(example(name), 1_000), { allow, isDatabase: false }), 'refused');
  },
  'body-slots': (name) => assert.equal(bodySlots(parseInjections(parseJson(example(name), 1_000))).length, 1),
  'slotted-body': (name) => assert.ok(isObject(object(name).auth)),
  // The executor is nobody's to import: its own tests fill this body.
  'filled-body': (name) => {
    const [asked, sent] = [example('slotted-body'), example(name)];
    assert.ok(vector('dispatch').calls.items.some((item) => item.request.body === asked && item.sent?.body === sent));
  },
  rule: (name) => {
    const [rule] = parseAllow([object(name)]);
    assert.deepEqual(plain(rule), plain(object(name)));
    const at = { origin: rule!.origin, method: rule!.methods[0]!, path: '/search/code' };
    const asked = ['', '?q=1&page=2', '?q=1&q=2', '?sort=up', '?%71=1'];
    assert.deepEqual(
      asked.map((query) => allowsRequest([rule!], { ...at, query })),
      [true, true, false, false, false],
    );
  },
  limits: (name) => assert.deepEqual(plain(parseConnectionLimits(object(name))), plain(object(name))),
  'graphql-rule': (name) => {
    const [rule] = parseAllow([parseJson(example(name), 1_000)]);
    const { origin, methods, paths } = rule!;
    const taken = (query: string) => {
      const body = new JsonBody({ query });
      return allowsRequest([rule!], { origin, method: methods[0]!, path: paths[0]!, query: '', body });
    };
    assert.deepEqual(
      [taken('query Me { viewer { login } }'), taken('query Me { organization }'), taken('mutation Me { viewer }')],
      [true, false, false],
    );
  },
  'body-rule': (name) => {
    const [rule] = parseAllow([object(name)]);
    assert.deepEqual(plain(rule), plain(object(name)));
    const at = { origin: rule!.origin, method: rule!.methods[0]!, path: '/repos/o/r/pulls', query: '' };
    const asked = [
      '{"draft":true,"base":"next"}',
      '{"draft":true,"base":"x"}',
      '{"draft":true,"base":"main","head_repo":1}',
    ];
    assert.deepEqual(
      asked.map((body) => allowsRequest([rule!], { ...at, body: new JsonBody(parseJson(body, 1_000)) })),
      [true, false, false],
    );
    assert.equal(allowsRequest([rule!], at), false);
  },
  plaintext: (name) => assert.equal(example(name).replaceAll('\n', ''), first.plaintext),
  'scheme-aws-sigv4': (name) => assertInjection(object(name)),
  'scheme-hmac': (name) => assertInjection(object(name)),
  'scheme-oauth1': (name) => assertInjection(object(name)),
  'scheme-client-credentials': (name) => assertInjection(object(name)),
  'scheme-private-key-jwt': (name) => assertInjection(object(name)),
  'scheme-id-jag': (name) => assertInjection(object(name)),
  'scheme-postgres': (name) => assertInjection(object(name)),
  'scheme-mtls': (name) => assertInjection(object(name)),
  'scheme-jwt-bearer': (name) => assertInjection(object(name)),
  'scheme-token-exchange': (name) => assertInjection(object(name)),
  'scheme-github-app': (name) => assertInjection(object(name)),
  'scheme-oauth2': (name) => assertInjection(object(name)),
  'scheme-oauth2-code': (name) => assertInjection(object(name)),
  'reseal-claims': (name) => assert.deepEqual(parseReseal(object(name)), plain(object(name))),
  'executor-resealed': (name) => {
    const { ver } = parseReseal(object('reseal-claims')).to;
    assert.deepEqual([object(name).ver, integer(object(name).revision, 'revision', 43, 43)], [ver, 43]);
  },
  'seal-claims': (name) => assert.deepEqual(object(name), claimsOf(example('seal-proof'))),
  'seal-proof': (name) => {
    const { handle, ver } = parseEnvelope(first.envelope).header.dauth;
    assert.equal(verifySealProof(example(name), { handle, ver, envelope: first.envelope }).jkt.length, 43);
  },
  'endorsement-claims': (name) => {
    const { handle, jkt } = exactObject(object(name), name, ['handle', 'jkt']);
    assert.ok(parseHandle(handle) && parseThumbprint(jkt, 'jkt'));
  },
  'intake-request': (name) => {
    const { envelope } = exactObject(object(name), name, ['envelope', 'seal_proof'], ['endorsements', 'try']);
    assert.equal(parseEnvelope(String(envelope)).header.dauth.ver, 1);
  },
  'intake-answer': (name) => {
    const view = object(name);
    const { header } = parseEnvelope(first.envelope);
    assert.deepEqual([parseHandle(view.handle), view.kid], [header.dauth.handle, header.kid]);
    assert.deepEqual([parseAllow(view.allow), parseInjections(view.inject)], [header.dauth.allow, header.dauth.inject]);
    assert.deepEqual([parseConnectionStatus(view.status), parseConnectionName(view.name)], ['active', 'github']);
  },
  'intake-inline': (name) => {
    const details = parseDetailsRequest(parseJson(example(name), 100_000));
    assert.deepEqual(
      details.map(({ type }) => type),
      ['dauth_credential', 'dauth_connection'],
    );
  },
  'try-ticket-claims': (name) => {
    const ticket = exactObject(object(name), name, ['iss', 'aud', 'jti', 'handle', 'ver', 'sha256', 'exp']);
    assert.equal(ticket.sha256, sha256Base64url(first.envelope));
    assert.ok(parseHandle(ticket.handle) && parseResource(ticket.aud) && seconds(ticket.exp, 'exp'));
  },
  'access-token-claims': (name) => {
    assert.deepEqual(plain(object(name)), plain(claimsOf(carried.access_token)));
    assert.equal(parseDetails(object(name).authorization_details).length, 1);
  },
  'id-jag-claims': (name) => {
    const members = ['iss', 'sub', 'aud', 'client_id', 'resource', 'scope', 'iat', 'exp', 'jti'];
    const { resource, aud, iat, exp } = exactObject(object(name), name, members);
    assert.ok(parseResource(resource) && parseResource(aud));
    assert.equal(seconds(exp, 'exp') - seconds(iat, 'iat'), 300);
  },
  'subject-dpop-claims': (name) => assert.deepEqual(object(name), claimsOf(carried.accepted[0]!.proof)),
  'token-exchange': (name) => {
    const form = new URLSearchParams(example(name).replaceAll('\n', ''));
    assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:token-exchange');
    assert.equal(form.get('subject_token'), carried.access_token);
    assert.equal(form.get('subject_dpop'), carried.accepted[0]!.proof);
    assert.equal(parseResource(form.get('resource')), 'https://executor.example');
  },
  'dispatch-token-claims': (name) => {
    assert.deepEqual(plain(object(name)), plain(claimsOf(dispatch.accepted[0]!.token)));
  },
  'buffered-call': (name) => assert.equal(parseBufferedDispatch(object(name)).method, 'POST'),
  'buffered-answer': (name) => {
    const { response } = exactObject(object(name), name, ['success', 'response']);
    exactObject(response, name, ['status', 'headers', 'body']);
  },
  'buffered-failure': (name) => {
    const { code, message, retryable } = exactObject(object(name).error, name, ['code', 'message', 'retryable']);
    assert.ok(isErrorCode(String(code)));
    const error = new DAuthError('CONNECTION_REVOKED');
    assert.deepEqual([code, message, retryable], [error.code, error.publicMessage, error.retryable]);
  },
  'streaming-call': (name) => {
    const [, handle, path] = /^GET \/connections\/([^/]+)(\/\S*) HTTP\/1\.1$/m.exec(example(name)) ?? [];
    assert.ok(parseHandle(handle) && path === '/repos/octo/hello');
    assert.ok(parseOrigin(/^DAuth-Origin: (\S+)$/m.exec(example(name))?.[1]));
  },
  'websocket-call': (name) => {
    const [, handle, path] = /^GET \/connections\/([^/]+)(\/\S*) HTTP\/1\.1$/m.exec(example(name)) ?? [];
    assert.ok(parseHandle(handle) && path === '/v1/listen');
    const offered = /^Sec-WebSocket-Protocol: (.+)$/m.exec(example(name))![1]!.split(', ');
    assert.deepEqual(parseSubprotocols(offered), ['v1', 'v2']);
  },
  'websocket-answer': (name) => {
    const key = /^Sec-WebSocket-Key: (\S+)$/m.exec(example('websocket-call'))![1]!;
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    assert.equal(/^Sec-WebSocket-Accept: (\S+)$/m.exec(example(name))?.[1], accept);
  },
  'websocket-rule': (name) => {
    const [rule] = parseAllow([object(name)]);
    assert.deepEqual(plain(rule), plain(object(name)));
    const at = { origin: rule!.origin, method: rule!.methods[0]!, path: '/v1/listen', query: '' };
    const { websocket: _, ...without } = rule!;
    const asked = [[rule!], [without]].map((allow) => allowsRequest(allow, { ...at, webSocket: true }));
    assert.deepEqual([...asked, allowsRequest([without], at)], [true, false, true]);
  },
  'session-call': (name) => {
    const [, handle, path] = /^POST \/sessions\/([^/]+)\/READ(\/\S*) HTTP\/1\.1$/m.exec(example(name)) ?? [];
    assert.ok(parseHandle(handle) && databaseOf(path!) === 'shop');
    assert.ok(parseOrigin(/^DAuth-Origin: (\S+)$/m.exec(example(name))?.[1]));
  },
  'streaming-answer': (name) => {
    const intent = example('journal').split('\n')[1]!;
    const [, identity, seq, hash] = /^DAuth-Receipt: ([\w-]{43})\.([1-9]\d*)\.([\w-]{43})$/m.exec(example(name)) ?? [];
    assert.deepEqual([seq, hash], ['2', sha256Base64url(intent)]);
    assert.equal(identity, object('checkpoint-claims').iss);
  },
  problem: (name) => {
    const { request_id: id, detail } = object(name);
    const error = new DAuthError('POLICY_DENIED', String(detail));
    assert.deepEqual(plain(object(name)), plain(problemDocument(error, String(id))));
  },
  'executor-proof-claims': (name) => {
    const proof = exactObject(object(name), name, ['htm', 'htu', 'iat', 'jti', 'body_sha256']);
    assert.ok(parseThumbprint(proof.body_sha256, 'body_sha256') && parseResource(proof.htu));
  },
  'executor-envelope': (name) => {
    const names = ['envelope', 'seal_proof', 'endorsements', 'ver', 'status', 'revision'];
    const stored = exactObject(object(name), name, names);
    assert.deepEqual(parseEndorsements(stored.endorsements), []);
    assert.equal(parseEnvelope(String(stored.envelope)).header.dauth.ver, stored.ver);
  },
  'status-claims': (name) => {
    assert.deepEqual(parseStatus(object(name)), vector('status').accepted[0]!.claims);
  },
  journal: (name) => {
    let prev = createHash('sha256').update('dauth journal').digest('base64url');
    example(name)
      .split('\n')
      .forEach((line, index) => {
        const record = parseJson(line, 16_384);
        assert.ok(isObject(record));
        assert.deepEqual(Object.keys(record).slice(0, 4), ['seq', 'prev', 'time', 'kind']);
        assert.deepEqual([record.seq, record.prev], [index + 1, prev]);
        prev = sha256Base64url(line);
      });
  },
  'checkpoint-claims': (name) => {
    const { seq, hash } = exactObject(object(name), name, ['iss', 'seq', 'hash', 'iat']);
    const line = example('journal').split('\n')[integer(seq, 'seq', 1, 100) - 1]!;
    assert.equal(hash, sha256Base64url(line));
  },
  'authorization-server': (name) => {
    const { issuer, token_endpoint: token, jwks_uri: jwks } = object(name);
    for (const url of [issuer, token, jwks]) assert.ok(parseResource(url));
  },
  'directory-claims': (name) => {
    parseDirectory(object(name));
    assert.deepEqual(plain(object(name)), plain(claimsOf(vector('directory').accepted[0]!.directory)));
  },
  'protected-resource': (name) => {
    const { key } = { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey };
    assert.deepEqual(plain(object(name)), plain(protect(configWith(key)).metadata));
  },
  'authorization-config': (name) => {
    assert.equal(text(object(name).executor, 'executor', 512), 'https://executor.example');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    assert.doesNotThrow(() => protect(configWith(privateKey)));
  },
};

function configWith(key: KeyObject): AuthorizationConfig {
  const config = object('authorization-config') as object as Extract<AuthorizationConfig, { executor: string }>;
  return { ...config, server: { ...config.server, key } };
}

for (const name of Object.keys(CHECKS)) {
  test(`the example ${name} of the specification is what the code reads`, () => CHECKS[name]!(name));
}

test('every example of the specification is checked', () => {
  assert.deepEqual([...examples.keys()].sort(), Object.keys(CHECKS).sort());
});

test('the page of the vectors names every file, and every file is there', () => {
  const named = [...readFileSync(join(root, 'vectors/README.md'), 'utf8').matchAll(/^\| `([\w.]+)` \|/gm)];
  const files = readdirSync(join(root, 'vectors')).filter((name) => name.endsWith('.json'));
  assert.deepEqual(named.map(([, name]) => String(name)).sort(), files.sort());
});

test('every file of vectors is run by a test', () => {
  const tests = readdirSync(join(root, 'packages'))
    .flatMap((room) => {
      const source = join(root, 'packages', room, 'src');
      return readdirSync(source).map((name) => join(source, name));
    })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(path, 'utf8'));
  for (const name of readdirSync(join(root, 'vectors')).filter((file) => file.endsWith('.json')))
    assert.ok(
      tests.some((source) => source.includes(`'${name}'`) || source.includes(`vectors/${name}'`)),
      `no test reads vectors/${name}`,
    );
});
