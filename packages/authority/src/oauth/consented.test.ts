/**
 * Whatever order things are asked in, no token says more than its own page showed, and no grant more than was ticked. The
 * oracle reads the page as a person would: what stands there, and which boxes are ticked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNarrower, parseDetails, type ConnectionDetail } from '@dauth/protocol';
import fc from 'fast-check';
import { dpop } from '../signer.test-support.ts';
import { addServer, askToken, EXCHANGE, EXECUTOR, makeWorld, MCP, type Party } from '../world.test-support.ts';
import { allow } from '../sealed.test-support.ts';
import { signedIn } from '../people/browser.test-support.ts';
import {
  addApp,
  addConnection,
  answer,
  authorize,
  boxes,
  codeForm,
  good,
  post,
  refreshForm,
  told,
  type Answer,
  type Flow,
} from './consent.test-support.ts';

const ORIGIN = 'https://api.github.com';
const SCOPES = ['mcp:read', 'mcp:write', 'profile'];
const ACTIONS = [['GET /a/**'], ['GET /a/b'], ['GET /b', 'POST /b'], ['DELETE /b'], null] as const;

interface Extent {
  readonly scopes: readonly string[];
  readonly details: readonly ConnectionDetail[];
}
const NOTHING: Extent = { scopes: [], details: [] };

/** One family of tokens, and what its page showed. */
interface Family {
  token: string;
  readonly shown: Extent;
}

interface Scene extends Flow {
  readonly server: Party;
  readonly handles: readonly string[];
  readonly families: Family[];
  /** Tokens as they were given, with what they may say at most. */
  readonly issued: { readonly answer: Answer; readonly most: Extent }[];
  said: Extent;
}

const scopes = fc.option(fc.subarray(SCOPES, { minLength: 1 }), { nil: undefined, freq: 1 });
const wish = fc.tuple(fc.nat(2), fc.constantFrom(...ACTIONS));
const wishes = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(wish, { maxLength: 2 }) },
);
const asking = (yes: fc.Arbitrary<boolean>) =>
  fc.record({ do: fc.constant('ask'), scopes, wishes, ticks: fc.nat(255), yes });
const command = fc.oneof(
  { weight: 3, arbitrary: asking(fc.boolean()) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('refresh'), which: fc.nat(9), scopes, wishes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('exchange'), which: fc.nat(9), wishes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turn'), which: fc.nat(2), on: fc.boolean() }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

test('[token.bound] no order of asking, refreshing, exchanging and narrowing gives more than was said yes to', async () => {
  await fc.assert(
    fc.asyncProperty(asking(fc.constant(true)), fc.array(command, { minLength: 6 }), async (first, commands) => {
      const scene = await makeScene();
      for (const each of [first, ...commands]) {
        await run(scene, each as Command);
        assertWithin(scene);
      }
      scene.world.store.close();
    }),
    { numRuns: 12 },
  );
});

async function makeScene(): Promise<Scene> {
  const world = await makeWorld();
  const server = await addServer(world);
  const rule = [allow(ORIGIN, ['GET', 'POST'], ['/a/**', '/b'])];
  const handles = ['one', 'two', 'three'].map((connection) => addConnection(world, { connection, allow: rule }).handle);
  const flow = { world, app: addApp(world), browser: signedIn(world) };
  return { ...flow, server, handles, families: [], issued: [], said: NOTHING };
}

async function run(scene: Scene, command: Command): Promise<void> {
  scene.world.clock.now += 1;
  if ('on' in command) return turn(scene, command.which, command.on);
  const details = detailsOf(scene, command.wishes);
  if ('yes' in command) return ask(scene, { scope: command.scopes?.join(' '), ...details }, command.ticks, command.yes);
  if ('scopes' in command) return refresh(scene, command.which, { scope: command.scopes?.join(' '), ...details });
  return exchange(scene, command.which, details);
}

function detailsOf(
  { handles }: Scene,
  wishes: readonly (readonly [number, readonly string[] | null])[],
): Record<string, string> {
  if (wishes.length === 0) return {};
  const all = wishes.map(([which, actions]) => ({
    ...{ type: 'dauth_connection', identifier: handles[which] },
    ...(actions === null ? {} : { locations: [ORIGIN], actions }),
  }));
  return { authorization_details: JSON.stringify(all) };
}

async function ask(
  scene: Scene,
  change: Record<string, string | undefined>,
  ticks: number,
  yes: boolean,
): Promise<void> {
  const response = await authorize(scene, change);
  if (response.status !== 200) {
    // Refused, or said before: then no more than what was said.
    const { code } = told(response);
    if (code !== undefined) await redeem(scene, code, scene.said);
    return;
  }
  const names = Object.keys(boxes(scene));
  const ticked = names.filter((_, index) => (ticks >> index) & 1);
  const fields = Object.fromEntries(names.map((name) => [name, ticked.includes(name) ? 'on' : undefined]));
  const shown = readShown(scene, ticked);
  const { code } = told(await answer(scene, { ...fields, decision: yes ? 'approve' : 'deny' }));
  assert.equal(code !== undefined, yes);
  if (code === undefined) return;
  scene.said = together(scene.said, shown);
  await redeem(scene, code, shown);
}

/** What the page says, in the words that stand on it: all that was given, and of the boxes the ticked ones. */
function readShown({ browser, handles }: Scene, ticked: readonly string[]): Extent {
  const given = /It has already[^]*?<\/ul>/.exec(browser.text)?.[0] ?? '';
  const labels = [...browser.text.matchAll(/name="([^"]+)" value="on"(?: checked)?>([^]*?)<\/label>/g)];
  const lines = [...given.matchAll(/<li>([^]*?)<\/li>/g)].map(([, line]) => line!);
  const texts = [...lines, ...labels.filter(([, name]) => ticked.includes(name!)).map(([, , text]) => text!)];
  return texts.map((text) => readLine(text, handles)).reduce(together, NOTHING);
}

function readLine(text: string, handles: readonly string[]): Extent {
  const name = /<bdi>(\w+)<\/bdi>/.exec(text)?.[1];
  const words = [...text.matchAll(/<code>([^<]+)<\/code>/g)].map(([, word]) => word!);
  if (name === undefined) return { scopes: text === 'Know your name' ? ['profile'] : words, details: [] };
  const [origin, ...actions] = words;
  const identifier = handles[['one', 'two', 'three'].indexOf(name)];
  return {
    scopes: [],
    details: parseDetails([{ type: 'dauth_connection', identifier, locations: [origin], actions }]),
  };
}

function together(one: Extent, other: Extent): Extent {
  return { scopes: [...one.scopes, ...other.scopes], details: [...one.details, ...other.details] };
}

async function redeem(scene: Scene, code: string, shown: Extent): Promise<void> {
  const answered = await good(post(scene, '/token', codeForm(code)));
  scene.families.push({ token: answered.refresh_token, shown });
  scene.issued.push({ answer: answered, most: shown });
}

async function refresh(scene: Scene, which: number, change: Record<string, string | undefined>): Promise<void> {
  const family = scene.families[which % scene.families.length];
  if (family === undefined) return;
  const defined = Object.entries(change).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const response = await post(scene, '/token', refreshForm(family.token, Object.fromEntries(defined)));
  // Refused is never too much; and what is refused uses up nothing.
  if (response.status !== 200) return;
  const answered = (await response.json()) as Answer;
  family.token = answered.refresh_token;
  scene.issued.push({ answer: answered, most: family.shown });
}

async function exchange(scene: Scene, which: number, details: Record<string, string>): Promise<void> {
  const token = scene.issued[which % scene.issued.length];
  if (token === undefined) return;
  const { world, app, server } = scene;
  const subject_token = token.answer.access_token;
  const response = await askToken(world, server, {
    ...{ grant_type: EXCHANGE, resource: EXECUTOR, subject_token, ...details },
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_dpop: dpop(app.key, { htm: 'POST', htu: MCP, iat: world.clock.now, token: subject_token }),
  });
  if (response.status !== 200) return;
  const answered = (await response.json()) as Answer;
  assert.equal(answered.scope, '');
  scene.issued.push({ answer: answered, most: token.most });
}

function turn({ world, handles }: Scene, which: number, on: boolean): void {
  const { store, clock } = world;
  const status = on ? 'active' : 'suspended';
  store.transaction(() => store.connections.setStatus(handles[which] as never, status, 1, clock.now));
}

function assertWithin({ world, issued, said }: Scene): void {
  for (const { answer: token, most } of issued) {
    const named = token.scope.split(' ').filter((scope) => scope !== '');
    assert.ok(
      named.every((scope) => most.scopes.includes(scope)),
      `${token.scope} of ${most.scopes.join(' ')}`,
    );
    assert.ok(isNarrower(parseDetails(token.authorization_details), most.details), 'details beyond the page');
  }
  for (const grant of world.store.grants.list(null, world.clock.now).filter(({ kind }) => kind === 'consent')) {
    assert.ok(
      grant.scopes!.every((scope) => said.scopes.includes(scope)),
      'scopes nobody ticked',
    );
    assert.ok(isNarrower(grant.details!, said.details), 'connections nobody ticked');
  }
}
