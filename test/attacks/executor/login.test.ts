/**
 * Whoever owns an API that people log in to, or stands between (SECURITY.md, attacker 5): the answer that is the credential is
 * framed, coded, cut, repeated and led elsewhere as HTTP lets one, over real TLS and before a whole executor. Either the token is
 * captured and nothing of it comes back, or nothing does. How JSON itself is bent is tried in the executor's own tests.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { proves } from '../../claims.ts';
import { findSecret } from '../../support/encodings.ts';
import type { SealedLogin } from '../../world/standing.ts';
import { CAPTURED, escaped, REFUSED, right, SAYS_NO, sized, type Login } from './login-answers.ts';
import { laySiege, type Said, type Siege } from './siege.ts';
import { OK, type Answer } from './upstream.ts';

const PASSWORD = `pw-${randomBytes(12).toString('hex')}`;
const freshToken = (): string => `st_${randomBytes(24).toString('base64')}`;

describe('a login that belongs to somebody else', { timeout: 400_000 }, () => {
  let siege: Siege;
  let at: SealedLogin;
  /** What was captured last. */
  let held: string | undefined;
  /** How what was captured is answered. */
  let me: Answer = () => OK;
  before(async () => {
    siege = await laySiege({ connect: ['--path', '/plain'] });
    const { origin } = siege.upstream;
    const capture = {
      ...{ connection: 'shop', fields: [{ pointer: '/auth/token', field: 'token' }], lifetime: 3_600 },
      allow: [{ origin, methods: ['GET'], paths: ['/me'] }],
    };
    const fields = ['--field', 'username', '--field', 'password'];
    const slots = ['--inject', 'body:/user={username}', '--inject', 'body:/pass={password}'];
    at = await siege.sealLogin(JSON.stringify({ username: 'ada.lovelace.1815', password: PASSWORD }), [
      ...['--path', '/login', ...fields, ...slots, '--capture', JSON.stringify(capture)],
    ]);
  });
  after(() => siege?.[Symbol.asyncDispose]());

  /** One login by each door. @returns what came back */
  async function logIn(login: Login, token: string): Promise<readonly Said[]> {
    siege.upstream.answer = (arrived, socket) =>
      arrived.line.startsWith('POST /login ') ? login(token, socket) : me(arrived, socket);
    const sent = siege.upstream.arrived.length;
    const json = { method: 'POST', headers: ['Content-Type: application/json'], body: '{}' };
    const said = [
      await siege.stream('/login', { ...json, handle: at.login }),
      await siege.dispatch({ method: 'POST', path: '/login', body: {} }, at.login),
    ];
    const bodies = siege.upstream.arrived.slice(sent).map(({ body }) => body);
    assert.ok(bodies.length > 1 && bodies.every((body) => body.includes(PASSWORD)), 'control: the upstream has it');
    return said;
  }

  function assertHidden(said: readonly Said[], ...secrets: readonly string[]): void {
    // As they came, and put together where they came in chunks.
    for (const octets of said.flatMap((one) => [one.octets, one.body]))
      for (const secret of [PASSWORD, ...secrets]) {
        assert.deepEqual(findSecret(octets, Buffer.from(secret)), []);
        assert.deepEqual(findSecret(octets.toString('latin1').replaceAll('\\\\', '\\'), Buffer.from(secret)), []);
      }
  }

  /** The upstream is called with what was captured last, or the call is refused where nothing was. */
  async function assertHeld(): Promise<void> {
    me = () => OK;
    siege.upstream.answer = me;
    const came = siege.upstream.arrived.length;
    const { error } = await siege.stream('/me', { handle: at.session });
    assert.equal(error, held === undefined ? 'NEEDS_REAUTHORIZATION' : undefined);
    const shown = siege.upstream.arrived.slice(came).flatMap(({ headers }) => headers);
    assert.deepEqual(
      shown.filter((line) => line.startsWith('authorization: ')),
      held === undefined ? [] : [`authorization: Bearer ${held}`],
    );
  }

  for (const [how, login] of Object.entries(REFUSED))
    proves('response.clean', `a login that answers ${how} captures nothing, and nothing of it goes back`, async () => {
      const token = freshToken();
      const said = await logIn(login, token);
      for (const { error, octets } of said) {
        const refused = error ?? /"code":"(\w+)"/.exec(octets.toString('latin1'))?.[1];
        assert.match(refused ?? '', /^(?:RESPONSE|DOWNSTREAM)_\w+$/, octets.toString('latin1'));
      }
      assertHidden(said, token);
      await assertHeld();
    });

  for (const [how, login] of Object.entries(CAPTURED))
    proves('response.clean', `a login that answers ${how} is captured, and nothing of it goes back`, async () => {
      const token = freshToken();
      const said = await logIn(login, token);
      held = token;
      for (const { error, octets } of said) {
        assert.equal(error, undefined, octets.toString('latin1'));
        assert.ok(octets.includes(`{"auth":{"token":"${at.session}"}`), octets.toString('latin1'));
      }
      assertHidden(said, token);
      await assertHeld();
    });

  for (const [how, login] of Object.entries(SAYS_NO))
    proves('response.clean', `of a login that says no ${how} the status goes back, and nothing else`, async () => {
      const token = freshToken();
      const said = await logIn(login, token);
      for (const { error, octets } of said) {
        assert.equal(error, undefined, octets.toString('latin1'));
        assert.match(octets.toString('latin1'), /dauth-body"?: ?"?withheld/i);
        assert.match(octets.toString('latin1'), how === 'with 599' ? /\b599\b/ : /\b401\b/);
      }
      assertHidden(said, token);
      await assertHeld();
    });

  proves('response.clean', 'a login that answers for longer than its call may take captures nothing', async () => {
    const token = freshToken();
    siege.upstream.answer = () => `HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n${right(token)}`;
    const said = await siege.dispatch({ method: 'POST', path: '/login', body: {}, timeout_ms: 1_000 }, at.login);
    assert.match(said.octets.toString('latin1'), /"code":"DOWNSTREAM_TIMEOUT"/);
    assertHidden([said], token);
    await assertHeld();
  });

  proves(
    'response.clean',
    'what stands behind a login’s answer on its socket is no answer to the next one',
    async () => {
      const [token, other] = [freshToken(), freshToken()];
      const said = await logIn((given) => Buffer.concat([sized(right(given)), sized(right(other))]), token);
      held = token;
      me = () => OK;
      const next = await siege.stream('/me', { handle: at.session });
      assertHidden([...said, next], token, other);
      await assertHeld();
    },
  );

  proves(
    'response.clean',
    'a token that was captured is in no later answer, of its login or of what it is for',
    async () => {
      const first = freshToken();
      await logIn((given) => sized(right(given)), first);
      held = first;
      me = () => sized(JSON.stringify({ first, escaped: '?' }).replace('?', escaped(first)), [`x-seen: ${first}`]);
      const used = [
        await siege.stream('/me', { handle: at.session }),
        await siege.dispatch({ path: '/me' }, at.session),
      ];
      for (const { error } of used) assert.equal(error, undefined);
      assertHidden(used, first);
      const denied = JSON.stringify({ error: `no: ${first}` });
      const no = await logIn(() => sized(denied, [`x-last: ${first}`], '403 Forbidden'), first);
      for (const { octets } of no)
        assert.ok(octets.includes(`no: ${'*'.repeat(first.length)}`), octets.toString('latin1'));
      assertHidden(no, first);
      const second = freshToken();
      const again = await logIn((given) => sized(right(given, { last: first, log: `bye ${first}` })), second);
      held = second;
      for (const { octets } of again) assert.ok(octets.includes(at.session), octets.toString('latin1'));
      // The second of the two logins replaced the token by itself, and knows of no older one.
      assertHidden(again.slice(0, 1), first, second);
      assertHidden(again.slice(1), second);
      await assertHeld();
    },
  );

  proves('response.clean', 'a login that says no has no headers but those that say how', async () => {
    const token = freshToken();
    const more = [`x-auth-token: ${token}`, `etag: "${token}"`, `location: /?t=${token}`, `set-cookie: s=${token}`];
    const how = ['content-type: text/plain', 'retry-after: 30'];
    const said = await logIn(() => sized('no', [...more, ...how], '401 Unauthorized'), token);
    for (const { octets } of said) assert.match(octets.toString('latin1'), /retry-after"?: ?"?30/);
    assertHidden(said, token);
    await assertHeld();
  });
});
