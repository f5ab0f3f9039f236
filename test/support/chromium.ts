/**
 * A real Chromium for tests, spoken to over a pipe (its DevTools protocol): goes to pages, fills in forms, and says what the
 * browser refused. Knows nothing of our pages but the names of their fields.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly entry?: { readonly text?: string } };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Its name on this machine, if there is one. */
export function findChromium(): string | undefined {
  return ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync('which', [name]).status === 0);
}

export class Chromium implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #loadWaiters = new Set<() => void>();
  #session: string | undefined;
  #sent = 0;
  #loads = 0;
  /** What the browser said about this page, policies it enforced among them. */
  readonly said: string[] = [];
  /** Settles with the first policy that the browser enforced. */
  readonly refusal: Promise<string>;
  #refused: (text: string) => void = () => undefined;

  private constructor(name: string, profile: string) {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`];
    this.#process = spawn(name, [...flags, '--remote-debugging-pipe', 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.refusal = new Promise((resolve) => (this.#refused = resolve));
    let held = '';
    (this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      held += text;
      const parts = held.split('\0');
      held = parts.pop() ?? '';
      for (const part of parts) this.#take(JSON.parse(part) as Message);
    });
  }

  /** @param profile a directory of its own */
  static async open(name: string, profile: string): Promise<Chromium> {
    const browser = new Chromium(name, profile);
    const { targetId } = await browser.#send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.#send('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = String(sessionId);
    for (const domain of ['Page', 'Log']) await browser.#send(`${domain}.enable`);
    return browser;
  }

  async go(url: string | URL): Promise<void> {
    await this.#send('Page.navigate', { url: String(url) });
  }

  /** Waits for a page with this path. */
  async at(path: string): Promise<void> {
    for (;;) {
      const loads = this.#loads;
      const here = await this.#evaluate('document.readyState === "complete" ? location.pathname : ""').catch(() => '');
      if (here === path) return;
      if (loads === this.#loads) await new Promise<void>((resolve) => this.#loadWaiters.add(resolve));
    }
  }

  /** Fills in the fields of the page shown now and presses the button that is named, or the first one. */
  async submit(fields: Readonly<Record<string, string>>, button = 'button'): Promise<void> {
    const set = Object.entries(fields).map(
      ([name, value]) => `document.getElementsByName(${JSON.stringify(name)})[0].value = ${JSON.stringify(value)};`,
    );
    await this.#evaluate(`${set.join('')} document.querySelector('main ${button}').click()`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async #evaluate(expression: string): Promise<unknown> {
    const { result } = (await this.#send('Runtime.evaluate', { expression, userGesture: true })) as {
      result?: { value?: unknown };
    };
    return result?.value;
  }

  async #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#sent;
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  #take(message: Message): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    }
    if (message.method === 'Log.entryAdded') {
      const text = message.params?.entry?.text ?? '';
      this.said.push(text);
      if (text.includes('Content Security Policy')) this.#refused(text);
    }
    if (message.method === 'Page.loadEventFired') {
      this.#loads++;
      for (const wake of this.#loadWaiters) wake();
      this.#loadWaiters.clear();
    }
  }
}
