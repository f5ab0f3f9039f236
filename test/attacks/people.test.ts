/** People on a real stack: who becomes one, and what another site, a used code, a guess or a planted cookie gets. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { proves } from '../claims.ts';
import { makeTempDir } from '../support/process.ts';
import { startStack } from '../world/stack.ts';

const PASSWORD = 'several words make one';

interface Shown {
  readonly status: number;
  readonly text: string;
  readonly to: string;
}

/** Keeps cookies and sends forms, as far as these pages need it. */
class Browser {
  readonly #base: string;
  readonly cookies = new Map<string, string>();
  #text = '';

  constructor(base: string) {
    this.#base = base;
  }

  async go(path: string, form?: Readonly<Record<string, string>>, origin = this.#base): Promise<Shown> {
    const csrf = /name="csrf" value="([^"]*)"/.exec(this.#text)?.[1] ?? '';
    const response = await fetch(`${this.#base}${path}`, {
      redirect: 'manual',
      headers: {
        ...{ accept: 'text/html', origin },
        cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams({ csrf, ...form }) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      this.cookies.set(name!, value!);
    }
    this.#text = await response.text();
    return { status: response.status, text: this.#text, to: response.headers.get('location') ?? '' };
  }

  /** Opens the page and sends its form. */
  async fill(path: string, form: Readonly<Record<string, string>>): Promise<Shown> {
    await this.go(path);
    return this.go(path, form);
  }
}

async function textsBelow(dir: string): Promise<string> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}

proves(
  'person.asked',
  'a used code, a form of another site, a wrong password and a planted session act for nobody',
  async () => {
    await using dir = await makeTempDir();
    await using stack = await startStack({ dir: dir.path });
    const { authority, first_run: first } = stack.ready;
    assert.equal(first?.url, `${authority}/first-run`);
    const admin = new Browser(authority);
    const planted = 'A'.repeat(43);
    admin.cookies.set('dauth-session', planted);
    const set = await admin.fill('/first-run', { code: first.code, login: 'grace', password: PASSWORD });
    assert.deepEqual([set.status, set.to], [303, '/account'], set.text);
    assert.match((await admin.go('/account')).text, /<code>operator<\/code>/);
    const mallory = new Browser(authority);
    assert.equal(
      (await mallory.fill('/first-run', { code: first.code, login: 'eve', password: PASSWORD })).status,
      403,
    );
    mallory.cookies.set('dauth-session', planted);
    assert.equal((await mallory.go('/account')).to, '/sign-in?next=%2Faccount');

    const invited = await stack.dauth<{ code: string; sub: string }>(['users', 'add', '--login', 'ada']);
    const ada = new Browser(authority);
    assert.equal((await ada.fill('/first-run', { code: invited.code, login: 'ada', password: PASSWORD })).status, 303);
    const people = await stack.dauth<{ login: string }[]>(['users', 'ls']);
    assert.deepEqual(
      people.map(({ login }) => login).sort((a, b) => (a < b ? -1 : 1)),
      ['ada', 'grace'],
    );
    for (const login of ['ada', 'nobody'])
      assert.equal((await mallory.fill('/sign-in', { login, password: 'another password' })).status, 403);
    assert.equal((await mallory.fill('/sign-in', { login: 'ada', password: PASSWORD })).status, 303);

    await admin.go('/account');
    const forms: readonly (readonly [Record<string, string>, string])[] = [
      [{}, 'https://evil.example'],
      [{ csrf: planted }, authority],
    ];
    for (const [form, origin] of forms)
      assert.equal((await admin.go('/account/sign-out-everywhere', form, origin)).status, 403);
    assert.equal((await admin.go('/account')).status, 200);
    assert.equal((await admin.go('/account/sign-out-everywhere', {})).status, 303);
    assert.equal((await admin.go('/account')).status, 303);

    const kept = `${await textsBelow(stack.ready.data)}${stack.process.stderr()}`;
    for (const secret of [first.code, invited.code, PASSWORD]) assert.equal(kept.includes(secret), false);
  },
  { timeout: 120_000 },
);
