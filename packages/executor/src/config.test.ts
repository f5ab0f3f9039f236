/** The executor's configuration: a limit only narrows, a public door is no plain http, and nothing unknown passes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSentence, parseConfig } from './config.ts';

const RIGHT = {
  listen: { host: '127.0.0.1', port: 0 },
  resource: 'https://executor.example',
  issuer: 'https://auth.example',
  data: '/var/lib/dauth-executor',
  upstream: {},
};
const parse = (changes: object): ReturnType<typeof parseConfig> =>
  parseConfig(JSON.stringify({ ...RIGHT, ...changes }));
const refused = (changes: object, publicMessage: string): void =>
  assert.throws(() => parse(changes), { code: 'INVALID_REQUEST', publicMessage });

test('a right configuration has the defaults, and each limit may be narrowed', () => {
  const { node, freshnessMs, limits } = parse({ limits: { concurrency: 8, drainMs: 0 } });
  assert.deepEqual([node, freshnessMs], ['https://executor.example', 750]);
  assert.deepEqual([limits.concurrency, limits.drainMs, limits.bufferedRequestBytes], [8, 0, 4_194_304]);
});

test('[dispatch.bound] a limit that is wider than its default, unknown or no number is refused', () => {
  for (const [name, most] of Object.entries(parse({}).limits)) {
    parse({ limits: { [name]: most } });
    refused({ limits: { [name]: most + 1 } }, `"limits.${name}" may only narrow: at most ${most}.`);
  }
  refused({ limits: { concurency: 1 } }, '"limits" has a member that is not defined for it.');
  refused({ limits: { concurrency: 0 } }, '"limits.concurrency" is out of range.');
  refused({ limits: { totalMs: '1' } }, '"limits.totalMs" must be an integer.');
});

test('[revoke.fast] the age of the view may be bounded more closely than 750 ms, never less', () => {
  assert.equal(parse({ freshnessMs: 300 }).freshnessMs, 300);
  refused({ freshnessMs: 751 }, '"freshnessMs" is out of range.');
});

test('a public listen address is refused with an http address of its own, and with the dangerous switch', () => {
  const host = { listen: { host: '0.0.0.0', port: 4181 } };
  parse(host);
  const plain = '"listen.host" must be a loopback address while "resource" or "node" is http.';
  refused({ ...host, resource: 'http://127.0.0.1:4181' }, plain);
  refused({ ...host, node: 'http://localhost:4181' }, plain);
  parse({ resource: 'http://127.0.0.1:4181' });
  refused(
    { ...host, upstream: { dangerouslyAllowLoopback: true } },
    '"upstream.dangerouslyAllowLoopback" is for tests and demos: it cannot be used with a public "listen.host".',
  );
});

test('an address that is not https, loopback aside, or no plain base URL is refused', () => {
  refused({ node: 'http://node-1.example' }, '"node" must be https, or http on loopback.');
  refused(
    { resource: 'https://executor.example/' },
    '"resource" must be a plain base URL without a trailing slash or a query.',
  );
});

test('the private listener is off by default, and refused on the port of the callers', () => {
  assert.equal(parse({}).metrics, undefined);
  const metrics = { host: '127.0.0.1', port: 4191 };
  assert.deepEqual(parse({ metrics }).metrics, metrics);
  const own = '"metrics" must have a port of its own: what it says is for the operator, not for callers.';
  refused({ listen: { host: '127.0.0.1', port: 4191 }, metrics }, own);
  refused({ metrics: { host: '127.0.0.1' } }, '"metrics" needs the member "port".');
  refused({ metrics: { ...metrics, port: 65_536 } }, '"metrics.port" is out of range.');
});

test('an address in use is named as the reason, and nothing that could repeat a value is', () => {
  assert.match(
    configSentence(Object.assign(new Error('x'), { code: 'EADDRINUSE' })),
    /^An address to listen on is in use/,
  );
  assert.equal(configSentence(new Error('x')), 'The executor could not start.');
});
