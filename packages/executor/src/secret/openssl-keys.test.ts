/** Private keys as OpenSSL's own program writes them, with what stands around them: each signs, and its public half verifies that. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import type { SigningAlg } from '@dauth/protocol';
import { signWith } from './pkcs8.ts';

/** What it writes to stdout. */
function openssl(args: string, input: Buffer | string = ''): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args.split(' '), { input });
  assert.equal(status, 0, stderr.toString());
  return stdout;
}

const skip = spawnSync('openssl', ['version']).status !== 0 && 'no openssl here';
const EC = 'ecparam -name prime256v1 -genkey';
const inBag = (key: Buffer): Buffer =>
  openssl('pkcs12 -nocerts -nodes -passin pass:', openssl('pkcs12 -export -nocerts -passout pass: -name ada', key));

/** What it begins with, the algorithm, and how it is made. */
const WRITTEN: Readonly<Record<string, readonly [begins: string, alg: SigningAlg, make: () => Buffer]>> = {
  'openssl ecparam -genkey': ['-----BEGIN EC PARAMETERS-----', 'ES256', () => openssl(EC)],
  'openssl ecparam -genkey | openssl pkcs8': [
    '-----BEGIN PRIVATE',
    'ES256',
    () => openssl('pkcs8 -topk8 -nocrypt', openssl(EC)),
  ],
  'openssl genrsa': ['-----BEGIN ', 'RS256', () => openssl('genrsa 2048')],
  'openssl rsa -traditional': [
    '-----BEGIN RSA PRIVATE',
    'RS256',
    () => openssl('rsa -traditional', openssl('genrsa 2048')),
  ],
  'openssl rsa -text': ['Private-Key:', 'RS256', () => openssl('rsa -text', openssl('genrsa 2048'))],
  'openssl genpkey': ['-----BEGIN PRIVATE', 'Ed25519', () => openssl('genpkey -algorithm ed25519')],
  'openssl pkcs12 of RSA': ['Bag Attributes', 'RS256', () => inBag(openssl('genrsa 2048'))],
  'openssl pkcs12 of P-256': ['Bag Attributes', 'ES256', () => inBag(openssl(EC))],
};
for (const [how, [begins, alg, make]] of Object.entries(WRITTEN))
  test(`a key that ${how} writes, signs by ${alg}`, { skip }, () => {
    const key = make();
    assert.ok(key.toString().startsWith(begins), key.toString().slice(0, 40));
    const signature = signWith(key, alg, Buffer.from('input'));
    assert.ok(signature !== null);
    const own = { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' } as const;
    assert.ok(verify(alg === 'Ed25519' ? null : 'sha256', Buffer.from('input'), own, signature));
  });

const UNUSED: Readonly<Record<string, readonly [alg: SigningAlg, make: () => Buffer]>> = {
  'openssl ecparam -param_enc explicit': ['ES256', () => openssl(`${EC} -param_enc explicit`)],
  'openssl ecparam of P-384': ['ES256', () => openssl('ecparam -name secp384r1 -genkey')],
  'openssl pkcs8 with a password': ['ES256', () => openssl('pkcs8 -topk8 -passout pass:secret', openssl(EC))],
  'openssl ec with a password': ['ES256', () => openssl('ec -aes256 -passout pass:secret', openssl(EC))],
};
for (const [how, [alg, make]] of Object.entries(UNUSED))
  test(`[dispatch.bound] a key that ${how} writes, signs nothing`, { skip }, () => {
    assert.equal(signWith(make(), alg, Buffer.from('input')), null);
  });
