/**
 * The executor's view of what is revoked and what state connections are in, built from verified status messages (§6).
 * Never loosens by itself: a revocation stays, and only the authority's next change moves a connection.
 */
import {
  DAuthError,
  type ConnectionHandle,
  type ConnectionStatus,
  type EnvelopePolicy,
  type Revocable,
  type StatusChange,
} from '@dauth/protocol';

/** What a dispatch stands on: each of these can be revoked. */
export interface Standing {
  readonly handle: ConnectionHandle;
  readonly ver: number;
  /** The connection out of whose answers its credential came, where it did: it ends with that. */
  readonly login?: ConnectionHandle;
  /** `jti` of the dispatch token and of the caller's token it came from. */
  readonly tokens: readonly string[];
  readonly grant: string;
  /** The server's client id, and the caller's where the token says it. */
  readonly clients: readonly string[];
  /** The MCP server's resource URI. */
  readonly server: string;
  readonly owner: string;
  readonly org: string;
}

/**
 * Nothing that came of a token or a grant outlives this after its revocation: a token lives 300 s, opens a call window of 300 s in
 * its last, and clocks differ by 5 s at each. The authority gives out nothing new for either, and forgets no sooner.
 */
const MEMORY_MS = 900_000;
const PASSING: readonly Revocable[] = ['token', 'grant'];

const SENTENCES: Readonly<Record<Exclude<Revocable, 'token'>, string>> = {
  grant: 'The grant behind this token was revoked. The owner can grant access again.',
  client: 'The client behind this token was revoked.',
  server: 'The server behind this token was revoked.',
  owner: 'The owner of this connection was revoked.',
  org: 'The organisation of this connection was revoked.',
};

export class StatusView {
  readonly #connections = new Map<ConnectionHandle, { readonly status: ConnectionStatus; readonly ver: number }>();
  readonly #revoked = new Map<Revocable, Map<string, number>>();
  /** Versions that were made into one another here. */
  readonly #resealed = new Map<ConnectionHandle, { from: number; to: number }>();

  /** @param nowMs of a clock that never goes back */
  apply(change: StatusChange, nowMs: number): void {
    if (change.kind === 'connection') {
      this.#connections.set(change.handle, { status: change.status, ver: change.ver });
      return;
    }
    if (change.kind === 'skipped') return;
    const ids = this.#revoked.get(change.what) ?? new Map<string, number>();
    ids.delete(change.id);
    ids.set(change.id, nowMs);
    this.#revoked.set(change.what, ids);
    if (PASSING.includes(change.what)) forget(ids, nowMs - MEMORY_MS);
  }

  /** Lowest version that may still be used, as far as the stream said. */
  version(handle: ConnectionHandle): number {
    return this.#connections.get(handle)?.ver ?? 1;
  }

  /**
   * Refuses what stands on something that was revoked or suspended.
   * @throws DAuthError `UNAUTHENTICATED` for a revoked token, `CONNECTION_REVOKED`, `CONNECTION_SUSPENDED`, `NEEDS_REAUTHORIZATION`
   */
  assertStands(standing: Standing): void {
    if (standing.tokens.some((jti) => this.#has('token', jti))) {
      throw new DAuthError('UNAUTHENTICATED', 'This token was revoked. Ask for a new one.');
    }
    const { grant, clients, server, owner, org } = standing;
    for (const [what, ids] of Object.entries({
      grant: [grant],
      client: clients,
      server: [server],
      owner: [owner],
      org: [org],
    })) {
      const kind = what as keyof typeof SENTENCES;
      if (ids.some((id) => this.#has(kind, id))) throw new DAuthError('CONNECTION_REVOKED', SENTENCES[kind]);
    }
    const login = standing.login === undefined ? undefined : this.#connections.get(standing.login);
    if (login !== undefined) assertActive(login.status);
    const known = this.#connections.get(standing.handle);
    if (known === undefined) return;
    assertActive(known.status);
    // A rotation revokes the version before it, also for a dispatch that is under way.
    if (standing.ver < known.ver && !this.isResealed(standing.handle, standing.ver, known.ver))
      throw new DAuthError('CONNECTION_REVOKED', 'This version of the credential was replaced. Try again.');
  }

  /** A version is about to be made out of the one before: what stands on that stands on this. */
  bridge(handle: ConnectionHandle, to: number): void {
    const known = this.#resealed.get(handle);
    this.#resealed.set(handle, { from: known?.to === to - 1 ? known.from : to - 1, to });
  }

  /** It was not: another one is that version. */
  unbridge(handle: ConnectionHandle): void {
    this.#resealed.delete(handle);
  }

  /** Whether version `to` holds what version `from` held, by reseals made here. */
  isResealed(handle: ConnectionHandle, from: number, to: number): boolean {
    const known = this.#resealed.get(handle);
    return known !== undefined && known.from <= from && to <= known.to;
  }

  #has(what: Revocable, id: string): boolean {
    return this.#revoked.get(what)?.has(id) === true;
  }
}

/** What a version stands on where nobody calls: itself, and whose it is. */
export function standingAlone({ handle, ver, owner, org }: EnvelopePolicy): Standing {
  return { handle, ver, tokens: [], grant: '', clients: [], server: '', owner, org };
}

/** @throws DAuthError by status */
export function assertActive(status: ConnectionStatus): void {
  switch (status) {
    case 'active':
      return;
    case 'suspended':
      throw new DAuthError('CONNECTION_SUSPENDED');
    case 'revoked':
      throw new DAuthError('CONNECTION_REVOKED');
    case 'needs_reauthorization':
      throw new DAuthError('NEEDS_REAUTHORIZATION');
  }
}

/** Entries stand in the order they came, so the old ones are in front. */
function forget(ids: Map<string, number>, before: number): void {
  for (const [id, at] of ids) {
    if (at >= before) return;
    ids.delete(id);
  }
}
