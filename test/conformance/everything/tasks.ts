/**
 * Tasks of the extension SEP-2663: what a tool call became that goes on after its answer, kept for who asks how it is. In memory,
 * shared by all requests of one endpoint. Knows no tool.
 */
import { randomUUID } from 'node:crypto';
import { inputResponse, ProtocolError, type CallToolResult, type InputRequests } from '@modelcontextprotocol/server';
import { text } from './content.ts';

const TTL_MS = 60_000;
const POLL_MS = 100;

type Answers = Readonly<Record<string, unknown>>;

/** What a task's work may use. */
export interface Work {
  readonly signal: AbortSignal;
  /** Waits until every question is answered, by however many updates. */
  readonly ask: (questions: InputRequests) => Promise<Answers>;
}

type State =
  | { readonly status: 'working' | 'cancelled' }
  | { readonly status: 'input_required'; readonly inputRequests: InputRequests }
  | { readonly status: 'completed'; readonly result: CallToolResult }
  | { readonly status: 'failed'; readonly error: { readonly code: number; readonly message: string } };

export class Task {
  readonly id = randomUUID();
  readonly #createdAt = new Date().toISOString();
  readonly #gone = new AbortController();
  #state: State = { status: 'working' };
  #updatedAt = this.#createdAt;
  #answers: Answers = {};
  #answered: ((answers: Answers) => void) | undefined;

  constructor(run: (work: Work) => Promise<CallToolResult>) {
    const ask = (inputRequests: InputRequests) =>
      new Promise<Answers>((resolve) => {
        this.#answered = resolve;
        this.#become({ status: 'input_required', inputRequests });
      });
    void run({ signal: this.#gone.signal, ask }).then(
      (result) => this.#become({ status: 'completed', result }),
      (error: Error) =>
        // A tool that fails has a result that says so; only what fails beneath it fails the task.
        error instanceof ProtocolError
          ? this.#become({ status: 'failed', error: { code: error.code, message: error.message } })
          : this.#become({ status: 'completed', result: { content: [text(error.message)], isError: true } }),
    );
  }

  /** The answer to the call that became this task. */
  created() {
    return { resultType: 'task', ...this.#base(), status: 'working' };
  }

  look() {
    return { ...this.#base(), ...this.#state };
  }

  /** Answers to what is asked no more, or never was, change nothing. */
  update(responses: Answers): void {
    if (this.#state.status !== 'input_required') return;
    const isOpen = (key: string) => inputResponse(responses, key).kind === 'missing';
    const { inputRequests } = this.#state;
    const open = Object.entries(inputRequests).filter(([key]) => isOpen(key));
    this.#answers = { ...this.#answers, ...responses };
    this.#become(
      open.length === 0 ? { status: 'working' } : { status: 'input_required', inputRequests: Object.fromEntries(open) },
    );
    if (open.length === 0) this.#answered?.(this.#answers);
  }

  cancel(): void {
    this.#become({ status: 'cancelled' });
    this.#gone.abort();
  }

  #base() {
    const times = { createdAt: this.#createdAt, lastUpdatedAt: this.#updatedAt };
    return { taskId: this.id, ...times, ttlMs: TTL_MS, pollIntervalMs: POLL_MS };
  }

  /** What has ended stays as it ended. */
  #become(state: State): void {
    if (['completed', 'failed', 'cancelled'].includes(this.#state.status)) return;
    this.#state = state;
    this.#updatedAt = new Date().toISOString();
  }
}
