/** SCRAM-SHA-256 against the example of RFC 7677, and PostgreSQL's MD5 login against the documentation's formula. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { proveMd5 } from './md5.ts';
import { proveScram } from './scram.ts';

test('a proof and what is expected of the server are those of RFC 7677 §3', () => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const { message, serverSignature } = proveScram(Buffer.from('pencil'), {
    clientFirst: 'n=user,r=rOprNGfwEbeRWgbNEkqO',
    serverFirst: `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    clientFinal: `c=biws,r=${nonce}`,
    salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
    iterations: 4_096,
  });
  assert.equal(message.toString(), `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`);
  assert.equal(serverSignature.toString('base64'), '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('an MD5 login is the hash of the salted hash, in hex', () => {
  const md5 = (text: Buffer): string => createHash('md5').update(text).digest('hex');
  const salt = Buffer.from('01020304', 'hex');
  const { message, made } = proveMd5(Buffer.from('a password'), 'app', salt);
  const shadow = md5(Buffer.from('a passwordapp'));
  assert.equal(message.toString(), `md5${md5(Buffer.concat([Buffer.from(shadow), salt]))}`);
  assert.ok(made.some((octets) => octets.toString() === shadow));
});
