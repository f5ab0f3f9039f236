/**
 * A person with a browser, for tests: keeps cookies, follows redirects and pages that lead on, fills in the form that is
 * shown, and stops where it is led back to an app. Runs no script and knows no page by heart but by the names of its fields.
 */
import assert from 'node:assert/strict';

/** What the person types or ticks, by the name of the field. */
interface Answers {
  readonly [field: string]: string;
}

export interface Login extends Answers {
  readonly login: string;
  readonly password: string;
}

/** A page. */
interface Shown {
  readonly url: URL;
  readonly status: number;
  readonly html: string;
}

const MOST_STEPS = 12;

export class Person {
  readonly #cookies = new Map<string, string>();
  readonly #origin: string;

  /** @param site the only origin this person visits; anything else is where an app waits */
  constructor(site: string) {
    this.#origin = new URL(site).origin;
  }

  /** Goes to an address and on, as long as redirects stay on the site. @returns the page, or the address outside */
  async visit(address: string | URL, init: RequestInit = {}): Promise<Shown | URL> {
    let url = new URL(address);
    let request = init;
    for (let step = 0; step < MOST_STEPS; step++) {
      if (url.origin !== this.#origin) return url;
      const headers = new Headers(request.headers);
      headers.set('accept', 'text/html');
      headers.set('cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '));
      const response = await fetch(url, { ...request, headers, redirect: 'manual' });
      this.#keep(response);
      const location = response.headers.get('location') ?? refreshOf(response);
      if (location === null) return { url, status: response.status, html: await response.text() };
      await response.body?.cancel();
      url = new URL(location, url);
      request = {};
    }
    return assert.fail('The site redirects in a circle.');
  }

  /** Answers the first form of a page: its hidden fields as they are, what is ticked as it is, and `answers` over both. */
  async submit({ url, html }: Shown, answers: Answers): Promise<Shown | URL> {
    const [, attributes, inner] = /<form\b([^>]*)>([\s\S]*?)<\/form>/.exec(html) ?? [];
    assert.ok(attributes !== undefined && inner !== undefined, `no form on ${url.pathname}: ${html}`);
    const body = new URLSearchParams({ ...prefilled(inner), ...answers });
    const target = new URL(attributeOf(attributes, 'action') ?? url.href, url);
    return this.visit(target, { method: 'POST', body, headers: { origin: this.#origin } });
  }

  /** Becomes the first person of an installation. */
  async setUp(first: { readonly url: string; readonly code: string }, login: Login): Promise<void> {
    const account = await this.submit(assertPage(await this.visit(first.url)), { code: first.code, ...login });
    assert.equal(assertPage(account).url.pathname, '/account');
  }

  /** Signs in, ticks every connection and leaves the scopes as they are, and allows it. @returns the question, and the way back */
  async allow(address: URL, login: Login): Promise<{ question: Shown; back: URL }> {
    const signIn = assertPage(await this.visit(address));
    assert.equal(signIn.url.pathname, '/sign-in', signIn.html);
    const question = assertPage(await this.submit(signIn, login));
    const connections = Object.fromEntries(fieldsOf(question, 'detail.').map((name) => [name, 'on']));
    const back = await this.submit(question, { ...connections, decision: 'approve' });
    assert.ok(back instanceof URL, JSON.stringify(back));
    return { question, back };
  }

  /** Signs in on the way to a device's page, which holds its code, and answers what it asks. @returns the question, and the last page */
  async answerDevice(
    address: string,
    login: Login,
    decision: 'approve' | 'deny',
  ): Promise<Record<'question' | 'last', Shown>> {
    const signIn = assertPage(await this.visit(address));
    assert.equal(signIn.url.pathname, '/sign-in', signIn.html);
    const device = assertPage(await this.submit(signIn, login));
    assert.equal(device.url.pathname, '/device', device.html);
    const question = assertPage(await this.submit(device, {}));
    return { question, last: assertPage(await this.submit(question, { decision })) };
  }

  #keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0/i.test(line)) this.#cookies.delete(name!);
      else this.#cookies.set(name!, value!);
    }
  }
}

/** What a browser would send if the person touched nothing. */
function prefilled(form: string): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const [input] of form.matchAll(/<input\b[^>]*>/g)) {
    const name = attributeOf(input, 'name');
    const type = attributeOf(input, 'type') ?? 'text';
    const isSent = !['checkbox', 'radio'].includes(type) || / checked[\s>]/.test(input);
    if (name !== undefined && isSent) sent[name] = attributeOf(input, 'value') ?? '';
  }
  return sent;
}

/** Where a page leads on by itself, as browsers do it at once. */
function refreshOf(response: Response): string | null {
  return /^0;\s*url=(.+)$/i.exec(response.headers.get('refresh') ?? '')?.[1] ?? null;
}

function assertPage(shown: Shown | URL): Shown {
  assert.ok(!(shown instanceof URL), `led away to ${JSON.stringify(shown)}`);
  return shown;
}

/** Names of the fields of a page that begin with a word. */
function fieldsOf({ html }: Shown, begin: string): string[] {
  const names = [...html.matchAll(/<input\b[^>]*>/g)].map(([input]) => attributeOf(input, 'name') ?? '');
  return names.filter((name) => name.startsWith(begin));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" };

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value?.replace(/&([#\w]+);/g, (all, entity: string) => ENTITIES[entity] ?? all);
}
