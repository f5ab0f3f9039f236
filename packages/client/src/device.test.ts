/** The device's side of RFC 8628, with authorities that are slow, gone, or hostile. No test waits: time is what was asked to pass. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { signInByDevice, type DeviceCode, type DeviceOptions } from './device.ts';
import { RemoteError } from './http.ts';
import { generateKey } from './key.ts';
import { endSignIn, renewSignIn } from './sign-in.ts';

const ISSUER = 'https://auth.example';
const CODES = {
  ...{ device_code: 'the-device-code', user_code: 'BCDF-GHJK', verification_uri: `${ISSUER}/device` },
  ...{ verification_uri_complete: `${ISSUER}/device?user_code=BCDF-GHJK`, expires_in: 600, interval: 5 },
};
const TOKEN = { access_token: 'a', token_type: 'DPoP', expires_in: 300, scope: 's', refresh_token: 'r.1' };
const metadata = (issuer: string, over: object = {}) => ({
  issuer,
  token_endpoint: `${issuer}/token`,
  device_authorization_endpoint: `${issuer}/device_authorization`,
  revocation_endpoint: `${issuer}/revoke`,
  ...over,
});

interface Sent {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
  readonly proof: string | null;
}
type Answer = object | Response | Error;
const no = (error: string, status = 400, headers: Record<string, string> = {}): Response =>
  Response.json({ error, error_description: `because of ${error}` }, { status, headers });
const PENDING = () => no('authorization_pending');

/** An authority that gives these answers, each endpoint's one after the other, the last one again and again. */
function authority(
  answers: Readonly<Record<'device_authorization' | 'token' | 'revoke', readonly (() => Answer)[]>> | object,
  issuer = ISSUER,
  document = metadata(issuer),
) {
  const sent: Sent[] = [];
  const left = new Map(
    Object.entries(answers as Record<string, readonly (() => Answer)[]>).map(([k, v]) => [k, [...v]]),
  );
  const send: typeof fetch = async (input, init) => {
    const url = new URL(input as string);
    const body = init?.body as URLSearchParams | undefined;
    const proof = new Headers(init?.headers).get('dpop');
    if (url.pathname.startsWith('/.well-known/')) return Response.json(document);
    sent.push({ url: url.href, form: Object.fromEntries(body ?? []), proof });
    const of = left.get(url.pathname.slice(1)) ?? [];
    const answer = (of.length > 1 ? of.shift() : of[0])?.() ?? new Response(null, { status: 404 });
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : Response.json(answer);
  };
  return { sent, send };
}

async function start(from: ReturnType<typeof authority>, over: Partial<DeviceOptions> = {}) {
  const key = await generateKey();
  const waited: number[] = [];
  const shown: DeviceCode[] = [];
  let unreachable = 0;
  const signedIn = signInByDevice({
    ...{ issuer: ISSUER, clientId: 'dauth-cli', key, fetch: from.send },
    show: (code) => void shown.push(code),
    isUnreachable: () => void unreachable++,
    wait: async (milliseconds) => void waited.push(milliseconds / 1_000),
    ...over,
  });
  signedIn.catch(() => undefined);
  await signedIn.catch(() => undefined);
  return { key, waited, shown, signedIn, unreachable };
}
const answers = (...token: (() => Answer)[]) => authority({ device_authorization: [() => CODES], token });
const refused = (code: string, sentence: string) => (error: unknown) => {
  assert.ok(error instanceof DAuthError, String(error));
  assert.deepEqual([error.code, error.publicMessage], [code, sentence]);
  return true;
};
const TOO_LATE = refused('UNAUTHENTICATED', 'Nobody answered in time. Start again.');
const UNKNOWN = refused('INTERNAL', 'The authority answered with something that this client does not know.');

test('a device shows the codes, asks no sooner than it may, and has a token by its key', async () => {
  const from = answers(PENDING, PENDING, () => ({ ...TOKEN, refresh_token_timeout: 99 }));
  const { key, shown, waited, signedIn } = await start(from, { scope: ['s', 't'] });
  const { token, refreshToken, refreshTimeout } = await signedIn;
  assert.deepEqual([token.accessToken, token.resource, refreshToken, refreshTimeout], ['a', ISSUER, 'r.1', 99]);
  const { device_code, user_code: userCode, verification_uri, verification_uri_complete } = CODES;
  const uris = { verificationUri: verification_uri, verificationUriComplete: verification_uri_complete };
  assert.deepEqual(shown, [{ userCode, ...uris, expiresIn: 600 }]);
  assert.deepEqual(waited, [5, 5, 5], 'before each question, the first one too');
  const [asked, ...polls] = from.sent;
  assert.deepEqual(asked!.form, { client_id: 'dauth-cli', resource: ISSUER, scope: 's t' });
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  for (const { form } of polls) assert.deepEqual(form, { client_id: 'dauth-cli', device_code, grant_type });
  for (const { url, proof } of from.sent) {
    assert.equal(decodeJwt(proof!).htu, url);
    assert.deepEqual(decodeProtectedHeader(proof!).jwk, { ...key.jwk });
  }
  assert.equal(new Set(from.sent.map(({ proof }) => proof)).size, 4, 'a proof each');
});

test('the device code is shown to nobody', async () => {
  const { shown } = await start(answers(() => TOKEN));
  assert.ok(!JSON.stringify(shown).includes(CODES.device_code));
});

test('without an interval it is five seconds, and never less than one', async () => {
  const { interval: _, ...codes } = CODES;
  const after = async (over: object) => {
    const from = authority({ device_authorization: [() => ({ ...codes, ...over })], token: [PENDING, () => TOKEN] });
    return (await start(from)).waited;
  };
  assert.deepEqual(await after({}), [5, 5]);
  assert.deepEqual(await after({ interval: 12 }), [12, 12]);
  assert.deepEqual(await after({ interval: 0.001 }), [1, 1]);
});

test('slow_down adds five seconds each time, and for good', async () => {
  const slow = () => no('slow_down');
  const { waited, signedIn } = await start(answers(slow, PENDING, slow, PENDING, () => TOKEN));
  await signedIn;
  assert.deepEqual(waited, [5, 10, 10, 15, 15]);
});

test('a network that fails, and an authority that is down, is asked half as often each time, until it is back', async () => {
  const gone = () => new TypeError('fetch failed');
  const late = () => new DOMException('', 'TimeoutError');
  const down = () => new Response('<html>', { status: 502 });
  const busy = () => no('temporarily_unavailable', 429);
  const from = answers(gone, late, down, busy, busy, PENDING, () => TOKEN);
  const { waited, signedIn, unreachable } = await start(from);
  await signedIn;
  assert.deepEqual(waited, [5, 10, 20, 40, 60, 60, 5]);
  assert.equal(unreachable, 5);
});

test('a code that nobody answers is asked about until it ends, and no longer, whatever the authority says', async () => {
  const { waited, signedIn } = await start(answers(PENDING));
  await assert.rejects(signedIn, TOO_LATE);
  assert.equal(
    waited.reduce((sum, each) => sum + each),
    600,
  );
  const forever = { ...CODES, expires_in: 1e12, interval: 1e9 };
  const slow = await start(authority({ device_authorization: [() => forever], token: [PENDING] }));
  await assert.rejects(slow.signedIn, TOO_LATE);
  assert.deepEqual(slow.waited, [86_400]);
});

test('what a person or the authority ends is not asked about again', async () => {
  const ended: readonly (readonly [() => Answer, (error: unknown) => boolean])[] = [
    [() => no('expired_token'), TOO_LATE],
    [() => no('access_denied'), refused('FORBIDDEN', 'because of access_denied')],
    [() => no('invalid_grant'), refused('FORBIDDEN', 'because of invalid_grant')],
    [() => no('made_up'), refused('FORBIDDEN', 'because of made_up')],
    [() => no('invalid_client', 401), refused('UNAUTHENTICATED', 'because of invalid_client')],
  ];
  for (const [answer, expected] of ended) {
    const from = answers(PENDING, answer);
    const { signedIn, waited } = await start(from);
    await assert.rejects(signedIn, expected);
    assert.equal(waited.length, 2);
  }
  const denied = await start(answers(() => no('access_denied')));
  await assert.rejects(
    denied.signedIn,
    (error) => error instanceof RemoteError && error.oauthError === 'access_denied',
  );
});

test('an answer that is none ends it', async () => {
  const json = { 'content-type': 'application/json' };
  const bad: readonly (() => Answer)[] = [
    () => new Response('{"access_token":', { headers: json }),
    () => new Response('{"error":', { status: 400, headers: json }),
    () => new Response('<html>', { status: 200 }),
    () => ({ ...TOKEN, access_token: 7 }),
    () => ({ ...TOKEN, refresh_token: ['r'] }),
    () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } }),
  ];
  for (const answer of bad) await assert.rejects((await start(answers(answer))).signedIn, UNKNOWN);
  for (const answer of [...bad, () => ({ ...CODES, device_code: 1 }), () => ({ ...CODES, expires_in: 'soon' })]) {
    const { signedIn, shown } = await start(authority({ device_authorization: [answer], token: [() => TOKEN] }));
    await assert.rejects(signedIn, UNKNOWN);
    assert.deepEqual(shown, []);
  }
  const down = await start(authority({ device_authorization: [() => no('temporarily_unavailable', 503)] }));
  await assert.rejects(down.signedIn, refused('ENCLAVE_UNAVAILABLE', 'The authority cannot serve this now.'));
});

test('[token.bound] a token without the key, and one that nothing can renew, is no sign-in', async () => {
  const bearer = await start(answers(() => ({ ...TOKEN, token_type: 'Bearer' })));
  const unbound = 'The authority did not bind the token to this key.';
  await assert.rejects(bearer.signedIn, refused('UNAUTHENTICATED', unbound));
  const none = 'The authority gave no refresh token: the client is not registered for refresh_token.';
  for (const refresh_token of [undefined, 'a b', 'r\n', 'x'.repeat(2_049)]) {
    const { signedIn } = await start(answers(() => ({ ...TOKEN, refresh_token })));
    await assert.rejects(signedIn, refused('FORBIDDEN', none));
  }
});

test('[person.asked] a person is led to the authority, and to no other site', async () => {
  const elsewhere = 'The authority would send you to another site than its own. Do not go there.';
  const addresses = [
    ...['https://evil.example/device', 'http://auth.example/device', 'https://auth.example:444/device'],
    ...['https://auth.example@evil.example/device', 'https://auth.example.evil.example/', 'javascript:alert(1)'],
    ...['https://ada:x@auth.example/device', '/device', 'auth.example/device', `${ISSUER}/${'x'.repeat(2_048)}`],
  ];
  for (const name of ['verification_uri', 'verification_uri_complete'])
    for (const address of addresses) {
      const from = authority({ device_authorization: [() => ({ ...CODES, [name]: address })], token: [() => TOKEN] });
      const { signedIn, shown } = await start(from);
      await assert.rejects(signedIn, refused('POLICY_DENIED', elsewhere), address);
      assert.deepEqual([shown, from.sent.length], [[], 1], 'nothing is shown, and nothing more is asked');
    }
});

test('a code that a person could not type, or a terminal would obey, is not shown', async () => {
  for (const change of [
    { user_code: '\u001b[2J' },
    { user_code: 'x'.repeat(65) },
    { device_code: 'x'.repeat(2_049) },
  ]) {
    const { signedIn, shown } = await start(authority({ device_authorization: [() => ({ ...CODES, ...change })] }));
    await assert.rejects(signedIn, refused('INTERNAL', 'The authority gave a code that cannot be shown or kept.'));
    assert.deepEqual(shown, []);
  }
});

test('[token.bound] nothing is asked over plain http but on this machine', async () => {
  const plain = refused('INVALID_REQUEST', 'Plain http is only for a loopback address; use https.');
  const from = authority({});
  await assert.rejects((await start(from, { issuer: 'http://auth.example' })).signedIn, plain);
  for (const endpoint of ['device_authorization_endpoint', 'token_endpoint']) {
    const issuer = 'http://127.0.0.1:1';
    const document = metadata(issuer, { [endpoint]: 'http://evil.example/x' });
    const codes = { ...CODES, verification_uri: `${issuer}/device`, verification_uri_complete: undefined };
    const local = authority({ device_authorization: [() => codes], token: [() => TOKEN] }, issuer, document);
    const { signedIn, shown } = await start(local, { issuer });
    await assert.rejects(signedIn, plain);
    assert.deepEqual([shown, local.sent.filter(({ url }) => url.includes('evil'))], [[], []]);
  }
  const none = authority({}, ISSUER, metadata(ISSUER, { device_authorization_endpoint: undefined }));
  const lacks = refused('NOT_FOUND', 'The authority has no device_authorization_endpoint.');
  await assert.rejects((await start(none)).signedIn, lacks);
});

test('a signal ends it: before anything is asked, while it waits, and while it asks', async () => {
  const early = answers(() => TOKEN);
  const reason = new Error('enough');
  await assert.rejects((await start(early, { signal: AbortSignal.abort(reason) })).signedIn, reason);
  assert.deepEqual(early.sent, []);
  const controller = new AbortController();
  const waiting = answers(() => TOKEN);
  const wait = (): Promise<void> => {
    controller.abort(reason);
    return Promise.reject(new DOMException('', 'AbortError'));
  };
  await assert.rejects((await start(waiting, { signal: controller.signal, wait })).signedIn, reason);
  assert.equal(waiting.sent.length, 1);
  const asking = new AbortController();
  const hangs = answers(() => {
    asking.abort(reason);
    return new DOMException('', 'AbortError');
  });
  await assert.rejects((await start(hangs, { signal: asking.signal })).signedIn, reason);
});

test('[token.bound] a client that has to show nonces shows them, and each next question has that of the last answer', async () => {
  const again = () => no('use_dpop_nonce', 400, { 'dpop-nonce': 'n1' });
  const pending = () => no('authorization_pending', 400, { 'dpop-nonce': 'n2' });
  const from = authority({ device_authorization: [again, () => CODES], token: [again, pending, () => TOKEN] });
  await (
    await start(from)
  ).signedIn;
  assert.deepEqual(
    from.sent.map(({ proof }) => decodeJwt(proof!).nonce),
    [undefined, 'n1', undefined, 'n1', 'n2'],
  );
});

test('a sign-in is renewed with the next refresh token, by the same key, for fewer scopes', async () => {
  const key = await generateKey();
  const again = () => no('use_dpop_nonce', 400, { 'dpop-nonce': 'n1' });
  const { sent, send } = authority({
    token: [again, () => ({ ...TOKEN, refresh_token: 'r.2' }), () => no('invalid_grant')],
  });
  const of = { issuer: ISSUER, clientId: 'dauth-cli', key, fetch: send };
  const renewed = await renewSignIn(of, 'r.1', { resource: ISSUER, scope: ['s'] });
  assert.deepEqual([renewed.token.accessToken, renewed.refreshToken], ['a', 'r.2']);
  const { form, proof } = sent.at(-1)!;
  const grant = { grant_type: 'refresh_token', refresh_token: 'r.1', client_id: 'dauth-cli' };
  assert.deepEqual(form, { ...grant, resource: ISSUER, scope: 's' });
  assert.deepEqual(decodeProtectedHeader(proof!).jwk, { ...key.jwk });
  await assert.rejects(renewSignIn(of, 'r.1', { resource: ISSUER }), (error) => {
    assert.ok(error instanceof RemoteError);
    return error.oauthError === 'invalid_grant';
  });
});

test('a sign-in is given back at the revocation endpoint', async () => {
  const { sent, send } = authority({ revoke: [() => new Response(null, { status: 200 })] });
  await endSignIn({ issuer: ISSUER, clientId: 'dauth-cli', fetch: send }, 'r.1');
  const form = { token: 'r.1', token_type_hint: 'refresh_token', client_id: 'dauth-cli' };
  assert.deepEqual(sent, [{ url: `${ISSUER}/revoke`, form, proof: null }]);
});
