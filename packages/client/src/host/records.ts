/**
 * What a provider remembers, and under which key: clients per issuer, tokens per issuer and resource, one open redirect per
 * server. Never looks a credential up by anything less than the issuer it came from (MCP 2026-07-28, SEP-2352).
 */
import type { Discovery, HeldClient, HeldTokens } from './shapes.ts';

/**
 * Where a provider keeps its records: tokens and client secrets are among them, so let it be a keychain or a 0600 file. A
 * `Map<string, string>` has this shape, and remembers as long as the process lives.
 */
export interface ProviderStorage {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, value: string): unknown;
  delete(key: string): unknown;
}

/** A redirect that a person has not come back from. */
export interface Pending {
  readonly state: string;
  readonly verifier: string;
  readonly scope?: string | undefined;
  readonly discovery: Discovery;
  /** Unix milliseconds. */
  readonly started: number;
}

/** Which tokens the requests to a server carry. */
export interface Current {
  readonly issuer: string;
  readonly resource: string;
}

/** Tokens, and the key they are bound to: with another key they are nobody's. */
type BoundTokens = HeldTokens & { readonly jkt: string };

export class Records {
  readonly #storage: ProviderStorage;
  readonly #server: string;
  readonly #jkt: string;

  constructor(storage: ProviderStorage, server: string, jkt: string) {
    this.#storage = storage;
    this.#server = server;
    this.#jkt = jkt;
  }

  client = (issuer: string): Promise<HeldClient | undefined> => this.#read<HeldClient>(clientKey(issuer));
  saveClient = (issuer: string, client: HeldClient): Promise<void> => this.#write(clientKey(issuer), client);
  dropClient = (issuer: string): Promise<void> => this.#drop(clientKey(issuer));

  async tokens({ issuer, resource }: Current): Promise<HeldTokens | undefined> {
    const held = await this.#read<BoundTokens>(tokensKey(issuer, resource));
    if (held?.jkt !== this.#jkt) return undefined;
    const { jkt: _, ...tokens } = held;
    return tokens;
  }

  async saveTokens(of: Current, tokens: HeldTokens): Promise<void> {
    await this.#write(tokensKey(of.issuer, of.resource), { ...tokens, jkt: this.#jkt });
    await this.#write(`dauth current ${this.#server}`, of);
  }

  async dropTokens(of: Current): Promise<void> {
    await this.#drop(tokensKey(of.issuer, of.resource));
    await this.#drop(`dauth current ${this.#server}`);
  }

  current = (): Promise<Current | undefined> => this.#read<Current>(`dauth current ${this.#server}`);

  pending = (): Promise<Pending | undefined> => this.#read<Pending>(`dauth pending ${this.#server}`);
  savePending = (pending: Pending): Promise<void> => this.#write(`dauth pending ${this.#server}`, pending);
  dropPending = (): Promise<void> => this.#drop(`dauth pending ${this.#server}`);

  /** A record that cannot be read is one that is not there: the person is asked again, and nothing worse. */
  async #read<T extends object>(key: string): Promise<T | undefined> {
    const text = await this.#storage.get(key);
    if (text === undefined || text === null) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'object' && value !== null ? (value as T) : undefined;
    } catch {
      return undefined;
    }
  }

  async #write(key: string, value: object): Promise<void> {
    await this.#storage.set(key, JSON.stringify(value));
  }

  async #drop(key: string): Promise<void> {
    await this.#storage.delete(key);
  }
}

/** No URL holds a space, so no two of these meet. */
const clientKey = (issuer: string): string => `dauth client ${issuer}`;
const tokensKey = (issuer: string, resource: string): string => `dauth tokens ${issuer} ${resource}`;
