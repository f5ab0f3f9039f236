/** `vectors/exchange.json`: what a token endpoint is sent, and what its answers are worth. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compactVerify, importJWK, type JWK } from 'jose';
import {
  DAuthError,
  endpointParts,
  idJagRequest,
  parseInjections,
  tokenSchemeOf,
  type TokenScheme,
} from '@dauth/protocol';
import { keepToken } from './secret/kept-token.ts';
import { readIdJag, readInstallationToken, readTokenAnswer } from './secret/token-answer.ts';
import { signAndFill } from './support/token-request.test-support.ts';
import { plaintextOf } from './support/calls.test-support.ts';

interface Item {
  readonly name: string;
  readonly inject: unknown;
  readonly fields: Record<string, string>;
}
const vectors = JSON.parse(readFileSync(new URL('../../../vectors/exchange.json', import.meta.url), 'utf8')) as {
  client_credentials: { accepted: (Item & { sent: object })[]; refused: (Item & { code: string })[] };
  token_exchange: { accepted: (Item & { sent: object })[]; refused: (Item & { code: string })[] };
  id_jag: {
    accepted: (Item & { id_jag: string; asked: object[] })[];
    refused: (Item & { code: string })[];
  };
  id_jag_answers: { name: string; answer: string; token: string | null }[];
  oauth2: { accepted: (Item & { sent: object })[]; refused: (Item & { code: string })[] };
  jwt_bearer: {
    now: number;
    accepted: (Item & { verify_with: JWK; header: object; claims: object; form: Record<string, string> })[];
    refused: (Item & { code: string })[];
  };
  private_key_jwt: {
    accepted: (Item & { verify_with: JWK; header: object; claims: object; form: Record<string, string> })[];
    refused: (Item & { code: string })[];
  };
  github_app: {
    accepted: (Item & { verify_with: JWK; header: object; claims: object; sent: { lines: string } })[];
    refused: (Item & { code: string })[];
  };
  installation_answers: { name: string; answer: string; token: string | null; expires_in?: number | null }[];
  answers: { name: string; answer: string; token: string | null; expires_in?: number | null }[];
};

function ask(item: Item, idJag?: string) {
  const injections = parseInjections(item.inject);
  const scheme = tokenSchemeOf(injections)!;
  const isFirst = scheme.scheme === 'id_jag' && idJag === undefined;
  return asked(item, isFirst ? idJagRequest(scheme) : scheme, idJag);
}

function asked({ inject, fields }: Item, scheme: TokenScheme, idJag: string | undefined) {
  using plaintext = plaintextOf(fields);
  const kept = idJag === undefined ? undefined : keepToken(Buffer.from(idJag), plaintext);
  const { now } = vectors.jwt_bearer;
  const { target, lines, body } = signAndFill(plaintext, parseInjections(inject), scheme, now, kept);
  return {
    origin: endpointParts(scheme.endpoint).origin,
    target: target.toString('latin1'),
    lines: lines.toString('latin1'),
    body: body?.toString('latin1'),
  };
}

for (const item of vectors.client_credentials.accepted) {
  test(`vector: an exchange by client_credentials, ${item.name}, is asked for as written`, () => {
    assert.deepEqual(ask(item), item.sent);
  });
}

for (const item of vectors.token_exchange.accepted) {
  test(`vector: an exchange by token_exchange, ${item.name}, is asked for as written`, () => {
    assert.deepEqual(ask(item), item.sent);
  });
}

for (const { id_jag: idJag, asked: both, ...item } of vectors.id_jag.accepted) {
  test(`vector: an exchange by id_jag, ${item.name}, is asked for as written, twice`, () => {
    assert.deepEqual([ask(item), ask(item, idJag)], both);
  });
}

for (const item of vectors.oauth2.accepted) {
  test(`vector: an exchange by oauth2, ${item.name}, is asked for as written`, () => {
    assert.deepEqual(ask(item), item.sent);
  });
}

for (const { name, verify_with: jwk, header, claims, form, ...item } of vectors.jwt_bearer.accepted) {
  test(`vector: an exchange by jwt_bearer, ${name}, is asked for as written`, async () => {
    const { assertion, ...rest } = Object.fromEntries(new URLSearchParams(ask({ name, ...item }).body));
    assert.deepEqual(rest, form);
    const { payload, protectedHeader } = await compactVerify(assertion!, await importJWK(jwk, protectedAlg(header)));
    const { jti, ...said } = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
    assert.deepEqual([protectedHeader, said, typeof jti], [header, claims, 'string']);
  });
}

for (const { name, verify_with: jwk, header, claims, form, ...item } of vectors.private_key_jwt.accepted) {
  test(`vector: a client that proves itself by a key, in ${name}, asks as written`, async () => {
    const { client_assertion: assertion, ...rest } = Object.fromEntries(
      new URLSearchParams(ask({ name, ...item }).body),
    );
    assert.deepEqual(rest, form);
    const { payload, protectedHeader } = await compactVerify(assertion!, await importJWK(jwk, protectedAlg(header)));
    const { jti, ...said } = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
    assert.deepEqual([protectedHeader, said, typeof jti], [header, claims, 'string']);
  });
}

for (const { name, verify_with: jwk, header, claims, sent, ...item } of vectors.github_app.accepted) {
  test(`vector: an exchange by github_app, ${name}, is asked for as written`, async () => {
    const { lines, ...rest } = ask({ name, ...item });
    assert.ok(lines.startsWith(sent.lines));
    assert.deepEqual({ ...rest, lines: sent.lines }, sent);
    const jwt = lines.slice(sent.lines.length).trimEnd();
    const { payload, protectedHeader } = await compactVerify(jwt, await importJWK(jwk, protectedAlg(header)));
    assert.deepEqual([protectedHeader, JSON.parse(new TextDecoder().decode(payload))], [header, claims]);
  });
}

function protectedAlg(header: object): string {
  return (header as { alg: string }).alg;
}

for (const [scheme, item] of [
  ...vectors.client_credentials.refused.map((refused) => ['client_credentials', refused] as const),
  ...vectors.jwt_bearer.refused.map((refused) => ['jwt_bearer', refused] as const),
  ...vectors.private_key_jwt.refused.map((refused) => ['private_key_jwt', refused] as const),
  ...vectors.token_exchange.refused.map((refused) => ['token_exchange', refused] as const),
  ...vectors.id_jag.refused.map((refused) => ['id_jag', refused] as const),
  ...vectors.oauth2.refused.map((refused) => ['oauth2', refused] as const),
  ...vectors.github_app.refused.map((refused) => ['github_app', refused] as const),
]) {
  test(`[dispatch.bound] vector: an exchange by ${scheme} with ${item.name} is refused`, () => {
    assert.throws(
      () => ask(item),
      (error: unknown) => error instanceof DAuthError && error.code === item.code,
    );
  });
}

for (const { name, answer, token, expires_in: expiresIn } of vectors.answers) {
  test(`[dispatch.bound] vector: the answer of a token endpoint with ${name} is ${token === null ? 'no' : 'a'} token`, () => {
    const read = readTokenAnswer(Buffer.from(answer));
    assert.deepEqual([read?.token.toString('latin1') ?? null, read?.expiresIn], [token, expiresIn]);
  });
}

for (const { name, answer, token, expires_in: expiresIn } of vectors.installation_answers) {
  test(`[dispatch.bound] vector: an answer of GitHub with ${name} is ${token === null ? 'no' : 'a'} token`, () => {
    const read = readInstallationToken(Buffer.from(answer), vectors.jwt_bearer.now);
    assert.deepEqual([read?.token.toString('latin1') ?? null, read?.expiresIn], [token, expiresIn]);
  });
}

for (const { name, answer, token } of vectors.id_jag_answers) {
  test(`[dispatch.bound] vector: the answer of an identity provider with ${name} is ${token === null ? 'no' : 'an'} ID-JAG`, () => {
    assert.equal(readIdJag(Buffer.from(answer))?.token.toString('latin1') ?? null, token);
  });
}
