import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findRefusals, type StartFacts } from './harden.ts';
import { INSTRUCTIONS } from './instructions.ts';

const LIMITS = 'Max core file size        0                    0                    bytes';
const GOOD: StartFacts = {
  env: { DAUTH_X: '1', ...INSTRUCTIONS },
  execArgv: ['--permission'],
  permission: () => false,
  processLimits: LIMITS,
  coreFilter: '00000000\n',
};
const refused = (facts: Partial<StartFacts>) => findRefusals({ ...GOOD, ...facts });

test('[memory.clean] a hardened process may start (control)', () => {
  assert.deepEqual(refused({}), []);
});

for (const name of [
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_OPTIONS'],
  ...['SSLKEYLOGFILE', 'NODE_DEBUG', 'OPENSSL_CONF', 'LD_PRELOAD', 'NODE_V8_COVERAGE', 'NODE_USE_ENV_PROXY'],
  ...['NODE_COMPILE_CACHE', 'NODE_COMPILE_CACHE_PORTABLE', 'NODE_PATH', 'OPENSSL_MODULES', 'OPENSSL_ENGINES'],
  ...['GCONV_PATH', 'DYLD_INSERT_LIBRARIES', 'NODE_REDIRECT_WARNINGS', 'MALLOC_TRACE', 'LD_PROFILE', 'LD_DEBUG_OUTPUT'],
]) {
  test(`[memory.clean] ${name} in the environment is refused by name, its value unsaid`, () => {
    const [sentence, ...more] = refused({ env: { ...INSTRUCTIONS, [name]: 'canary' } });
    assert.match(sentence ?? '', new RegExp(`environment variable ${name} is set`));
    assert.doesNotMatch(sentence ?? '', /canary/);
    assert.deepEqual(more, []);
  });
}

test('[memory.clean] instructions with which OpenSSL keeps octets of what it decrypted are refused, whoever allows them', () => {
  for (const env of [{}, { OPENSSL_ia32cap: '' }, { OPENSSL_ia32cap: ':~0x600c0230001' }])
    assert.match(refused({ env }).join(), /^OpenSSL may keep octets/);
});

for (const flag of [
  '--inspect',
  '--inspect-brk=0',
  '--heapsnapshot-signal=SIGUSR2',
  '--tls-keylog=x',
  '--require=x',
  '--allow-addons',
  '--allow-child-process',
  '--heap_prof',
  '--tls_keylog=x',
  '--abort-on-uncaught-exception',
  '--openssl-config=x',
  '--experimental-config-file=x',
]) {
  test(`[memory.clean] Node's ${flag} is refused`, () => {
    assert.equal(refused({ execArgv: [flag] }).length, 1);
  });
}

test('[memory.clean] core dumps and a missing or wide permission model are refused', () => {
  assert.match(refused({ processLimits: LIMITS.replace('0  ', 'unlimited') }).join(), /Core dumps are enabled/);
  assert.match(refused({ permission: undefined }).join(), /permission model is off/);
  assert.match(refused({ permission: (scope) => scope === 'child' }).join(), /grants "child"/);
});

test('[memory.clean] a core dump that the system would pipe has to be empty, where the system can say so', () => {
  assert.match(refused({ coreFilter: '00000033\n' }).join(), /would hold memory/);
  assert.deepEqual(refused({ coreFilter: undefined }), []);
});

for (const thrown of [
  "throw Object.assign(new Error('canary', { cause: Buffer.from('canary') }), { canary: 1, name: 'canary 1' })",
  "throw 'canary'",
  "Promise.reject(new TypeError('canary'))",
  "process.emit('uncaughtException', { canary: 1 })",
  "require('node:net').connect({ port: 1, host: '127.0.0.1' })",
]) {
  test(`[memory.clean] an error that nobody catches says its kind and nothing else: ${thrown.slice(0, 40)}`, () => {
    const harden = new URL('./harden.js', import.meta.url).href;
    const script = `import(${JSON.stringify(harden)}).then(({ dieQuietly }) => { dieQuietly(); setImmediate(() => { ${thrown} }); })`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^\{"event":"crashed","kind":"(?:Error|TypeError)"\}\n$/);
  });
}

test('[memory.clean] the process itself ends with a sentence when it is started without its launch script', () => {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    resource: 'http://127.0.0.1:1',
    issuer: 'http://127.0.0.1:2',
    data: '/nonexistent',
    upstream: {},
  };
  const env = { DAUTH_RESOLVED_CONFIG: JSON.stringify(config), NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const { status, stderr } = spawnSync(process.execPath, [main], { env, encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /NODE_TLS_REJECT_UNAUTHORIZED is set/);
  assert.match(stderr, /permission model is off/);
});
