/**
 * What DAuth promises, as data, and `proves()`, which names a test after the promise it proves. `npm test` matches the two
 * after every run; no defence is implemented here and no test lives here.
 */
import { test, type TestContext } from 'node:test';

/**
 * Who a claim holds against, numbered as in SECURITY.md: 1 reads the network · 2 steals a token or a proof · 3 owns the MCP
 * server · 4 owns the authority or its database · 5 owns an upstream · 6 owns the model · 7 root on the executor's host ·
 * 8 owns a tenant.
 */
export type Attacker = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export type Claim = {
  /** The id a proving test carries in its name: `[seal.bound] …`. */
  readonly id: string;
  /** The promise in one sentence, as SECURITY.md makes it. */
  readonly claim: string;
  readonly attackers: readonly Attacker[];
  /**
   * How it is proven. `end-to-end`: at least one passing test under `test/` carries the id (tests of a single package may
   * carry it too, but do not suffice). `{ open }`: not proven yet, and this is why; the run says so aloud.
   */
  readonly proofs: 'end-to-end' | { readonly open: string };
};

export const CLAIMS = [
  {
    id: 'seal.client-only',
    claim:
      "Plaintext never leaves the owner's device; without a verified executor key nothing is sent at all, and there is no fallback.",
    attackers: [1, 3, 4],
    proofs: 'end-to-end',
  },
  {
    id: 'seal.bound',
    claim:
      'An envelope works only for its owner, servers, origins, methods, paths, inject slots, client keys and time.',
    attackers: [2, 3, 4, 8],
    proofs: 'end-to-end',
  },
  {
    id: 'authority.blind',
    claim: 'The control plane (memory, database, logs, backups) holds no plaintext and no key that opens.',
    attackers: [4],
    proofs: 'end-to-end',
  },
  {
    id: 'server.blind',
    claim: 'An MCP server, however malicious, gets handles and responses only.',
    attackers: [3, 6],
    proofs: 'end-to-end',
  },
  {
    id: 'token.bound',
    claim: 'A token works for one audience, one key, one short time and the connections it names.',
    attackers: [1, 2, 3],
    proofs: 'end-to-end',
  },
  {
    id: 'person.asked',
    claim:
      'What a person has to do is done by whoever signed in and was shown the page: not by another site, a stale page, a guess, a used code or a planted session.',
    attackers: [2, 8],
    proofs: 'end-to-end',
  },
  {
    id: 'dispatch.bound',
    claim:
      'The executor sends exactly what the token and the envelope both allow, to the address it checked, and nothing else.',
    attackers: [3, 5, 6, 8],
    proofs: 'end-to-end',
  },
  {
    id: 'response.clean',
    claim:
      'The credential, in each form its injection produced, is not in what goes back; an answer that cannot be scanned is refused.',
    attackers: [3, 5, 6],
    proofs: 'end-to-end',
  },
  {
    id: 'memory.clean',
    claim:
      'One second after a dispatch no copy of the plaintext, nor of the keys that would reopen it, is in any DAuth process; the opening key is in the executor only.',
    attackers: [3, 4, 7],
    proofs: 'end-to-end',
  },
  {
    id: 'revoke.fast',
    claim:
      'Revoking a connection, grant, token, client, server, owner or org stops new dispatches within one second on every node, and a node cut off refuses within the same second.',
    attackers: [2, 3, 4],
    proofs: {
      open: 'revocation is shown on one node, between processes; the proof across several nodes, a jumped clock and a restored backup is still to come',
    },
  },
  {
    id: 'audit.complete',
    claim:
      'Every dispatch attempt has its record or did not happen; records are chained, and an edit, deletion, reordering or truncation is located.',
    attackers: [3, 4, 8],
    proofs: {
      open: 'the chain is written and checkpointed; the offline verifier and the kill at every step are still to come',
    },
  },
  {
    id: 'crash.safe',
    claim: 'What was acknowledged survives `kill -9`, a power cut and the restart of each part.',
    attackers: [],
    proofs: {
      open: 'durability before the answer is tested by a system-call trace; fault injection at each step and refresh rotation are still to come',
    },
  },
] as const satisfies readonly Claim[];

export type ClaimId = (typeof CLAIMS)[number]['id'];

type Body = (t: TestContext) => void | Promise<void>;
type Options = { readonly timeout?: number; readonly skip?: string | boolean };

/**
 * Registers a `node:test` test that proves one or more claims, under the name `[id] title`.
 *
 * @example
 * ```ts
 * proves('seal.bound', 'an envelope stolen from the database is refused when another client submits it', async (t) => {
 *   // …
 * });
 * ```
 * @param title A sentence about behaviour; it must be unique within its file, because mutants refer to it.
 * @param options `skip` takes the reason as a sentence; a skipped proof proves nothing and CI does not accept it.
 */
export function proves(claims: ClaimId | readonly ClaimId[], title: string, body: Body, options: Options = {}): void {
  const ids: readonly string[] = typeof claims === 'string' ? [claims] : claims;
  void test(`${ids.map((id) => `[${id}]`).join(' ')} ${title}`, options, body);
}
