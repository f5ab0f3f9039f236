/**
 * One entry of the negative battery: a request that breaks one rule of a standard, and the exact answer it gets. Data only;
 * request.ts makes a request of it, battery.test.ts sends it to the authority and to the oracle.
 */

/** Requests that are good as they stand; an entry changes one thing about one of them. */
export type Base =
  | 'par'
  | 'authorize'
  | 'credentials'
  | 'code'
  | 'refresh'
  | 'device'
  | 'poll'
  | 'exchange'
  | 'workload'
  | 'revoke'
  | 'introspect';

/** Who asks: two public apps, one that was revoked, an agent with a key, one that has to use nonces, and the MCP server. */
export type Who = 'app' | 'other' | 'revoked' | 'agent' | 'server' | 'careful';

/** A change of a JSON object: `null` takes a member out; numbers in `iat`, `exp` and `nbf` are seconds from now. */
type Members = Readonly<Record<string, unknown>>;

export interface JwtChange {
  readonly header?: Members;
  readonly claims?: Members;
  /** Who signs: somebody else, a MAC over the public key as it is published, or nobody. */
  readonly signed?: 'stranger' | 'mac' | 'nobody';
  /** The octets of the whole instead. */
  readonly raw?: string;
}

/** What is different about the request. A text in braces is replaced: see `fill` in request.ts. */
export interface Change {
  readonly by?: Who;
  readonly method?: string;
  readonly type?: string;
  /** Parameters: `null` takes one out, a list gives it more than once. */
  readonly form?: Readonly<Record<string, string | null | readonly string[]>>;
  /** The whole body instead. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly proof?: 'none' | 'twice' | 'by another key' | JwtChange;
  readonly assertion?: 'none' | JwtChange;
  /** The caller's token at an exchange, signed again by its issuer; `from` names another one to start from. */
  readonly subject?: JwtChange & { readonly from?: string };
  /** The proof of the caller's own call at an exchange. */
  readonly carried?: 'none' | 'by another key' | JwtChange;
  /** Sent twice, octet for octet; the second answer counts. */
  readonly again?: true;
}

/** Status, and `error` of the body or of the redirect; `page` where it is a page and leads nowhere, `led on` where it
 * leads elsewhere, `given` where it is what was asked for, and what judge.ts has for the rest. */
export type Answer = readonly [status: number, error: string];

export interface Entry {
  /** What requirements name. */
  readonly id: string;
  /** The document and its section, as in test/requirements. */
  readonly must: string;
  readonly what: string;
  readonly to: Base;
  readonly change: Change;
  readonly answer: Answer;
  /** Headers beyond those of every answer of the endpoint; `true`: any value. */
  readonly headers?: Readonly<Record<string, string | true>>;
}

/** Canary: what an answer must not give back. */
export const CANARY = 'canary7f3a';

/** Entries of one endpoint, each with the code of its 400. */
export function at(
  to: Base,
  rows: readonly (readonly [id: string, must: string, what: string, change: Change, error: string])[],
): readonly Entry[] {
  return rows.map(([id, must, what, change, error]) => ({ id, must, what, to, change, answer: [400, error] }));
}
