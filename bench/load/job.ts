/** What a caller process is told to do, and what it says it did: one line of JSON each way. Types only. */

/** A key in the form that `node:crypto` reads, and the token that is bound to it. */
export interface Signer {
  readonly key: Readonly<Record<string, string>>;
  /** Absent where one is asked for. */
  readonly token?: string;
  /** The request's address, as it stands in its proofs. */
  readonly htu: string;
}

/** A client's form for a token endpoint, each time with an assertion of its own. */
export interface AssertedForm {
  readonly form: Readonly<Record<string, string>>;
  readonly clientId: string;
  readonly key: Readonly<Record<string, string>>;
  readonly audience: string;
}

/** One request, sent again and again; with a signer each time under a proof of its own. */
export interface Wanted {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly signer?: Signer;
  /** Its body, in the place of the target's. */
  readonly form?: AssertedForm;
  /** A refresh token that goes with the form; works once, and the next one comes with its answer. */
  readonly refreshToken?: string;
}

/** Whom to call. */
export interface Target {
  readonly origin: string;
  /** PEM, for https. */
  readonly ca?: string;
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  /** Taken in turn. */
  readonly wanted: readonly Wanted[];
  /** Octets that each answer's body has to have; not looked at where it is absent. */
  readonly octets?: number;
}

export interface Job {
  readonly target: Target;
  /** Sockets; in the closed loop each has one request under way at any time. */
  readonly callers: number;
  readonly requests: number;
  /** Requests per second of an open loop, whatever becomes of the ones before; else a closed one. */
  readonly rate?: number;
  /** Requests ahead of all that counts, so that sockets stand and code is compiled. */
  readonly warmUp: number;
}

/** Milliseconds from when a request was to start to the last octet of its answer. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface Done {
  readonly requests: number;
  readonly seconds: number;
  /** Of all answers' bodies. */
  readonly octets: number;
  readonly latency: Latency;
  /** What went wrong, and how often; empty where nothing did. */
  readonly failures: Readonly<Record<string, number>>;
}

/** To the caller, and back. */
export type Command = { readonly id: number } & ({ readonly prepare: Job } | { readonly run: true });
export type Said = { readonly id: number } & (
  | { readonly event: 'prepared' }
  | { readonly event: 'done'; readonly done: Done }
  | { readonly event: 'failed'; readonly why: string }
);
