/**
 * Sends one request of a job and looks at its answer, by the barest way that the HTTP client has. Everything that can be made
 * ahead is: sockets, proofs, heads. Never takes an answer for good that is not: its status, its mark and its length are looked at.
 */
import { Pool, type Dispatcher } from 'undici';
import { makeForm } from './forms.ts';
import type { Job } from './job.ts';
import { makeSigner } from './proofs.ts';

/** The header by which the executor says that an answer is its own refusal. */
const REFUSAL = 'dauth-error';

/** @param failure what is wrong with the answer, where anything is */
export type Ended = (octets: number, failure: string | undefined) => void;

export interface Sender {
  /** Sends the next request. */
  send(ended: Ended): void;
  close(): Promise<void>;
}

export function makeSender({ target, callers, requests, warmUp }: Job): Sender {
  const { origin, ca, method, body = null, wanted, octets: expected } = target;
  const pool = new Pool(origin, {
    ...{ connections: callers, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 },
    ...(ca === undefined ? {} : { connect: { ca } }),
  });
  const signers = wanted.map(({ signer }) => (signer === undefined ? undefined : makeSigner(signer, method)));
  const forms = wanted.map(({ form }) => (form === undefined ? () => body : makeForm(form)));
  const ring = Array.from({ length: requests + warmUp }, (_, at) => {
    const { path, headers } = wanted[at % wanted.length]!;
    const prove = signers[at % wanted.length];
    const shown = prove === undefined ? [...headers] : [...headers, 'dpop', prove()];
    return { path, headers: shown, body: forms[at % wanted.length]!() };
  });
  const purse = new Purse(wanted.flatMap(({ refreshToken = [] }) => refreshToken));
  let next = 0;
  return {
    send(ended) {
      const { path, headers, body } = ring[next++]!;
      if (purse.isEmpty) return void pool.dispatch({ method, path, headers, body }, new Answer(expected, ended));
      const answer = new Answer(expected, (octets, failure) => ended(octets, failure ?? purse.put(answer.text)), true);
      pool.dispatch({ method, path, headers, body: `${body}&refresh_token=${purse.take()}` }, answer);
    },
    close: () => pool.close(),
  };
}

/** Refresh tokens that were not used yet: as many as callers, so that there is one whenever a request is sent. */
class Purse {
  readonly isEmpty: boolean;
  readonly #tokens: string[];

  constructor(tokens: string[]) {
    this.isEmpty = tokens.length === 0;
    this.#tokens = tokens;
  }

  take(): string | undefined {
    return this.#tokens.pop();
  }

  /** @returns what is wrong with an answer that has none */
  put(answer: string): string | undefined {
    const { refresh_token: token } = JSON.parse(answer) as { readonly refresh_token?: string };
    if (token === undefined) return 'an answer without a refresh token';
    this.#tokens.push(token);
    return undefined;
  }
}

/** One answer as it comes. */
class Answer implements Dispatcher.DispatchHandler {
  readonly #expected: number | undefined;
  readonly #ended: Ended;
  readonly #kept: Buffer[] | undefined;
  #octets = 0;
  #failure: string | undefined;

  /** @param keeps whether what it says is needed */
  constructor(expected: number | undefined, ended: Ended, keeps = false) {
    this.#expected = expected;
    this.#ended = ended;
    this.#kept = keeps ? [] : undefined;
  }

  get text(): string {
    return Buffer.concat(this.#kept ?? []).toString();
  }

  onConnect(): void {}

  onHeaders(status: number, headers: Buffer[]): boolean {
    const refusal = status === 200 ? undefined : `${status}`;
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!;
      if (name.length === REFUSAL.length && name.toString('latin1').toLowerCase() === REFUSAL)
        this.#failure = `${status} ${headers[at + 1]!.toString('latin1')}`;
    }
    this.#failure ??= refusal;
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#octets += chunk.length;
    this.#kept?.push(chunk);
    return true;
  }

  onComplete(): void {
    if (this.#expected !== undefined && this.#octets !== this.#expected)
      this.#failure ??= `${this.#octets} octets instead of ${this.#expected}`;
    this.#ended(this.#octets, this.#failure);
  }

  onError(error: Error & { readonly code?: string }): void {
    this.#ended(this.#octets, this.#failure ?? error.code ?? error.message);
  }
}
