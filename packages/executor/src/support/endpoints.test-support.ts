/** Where exchanges take place in tests: token endpoints with their APIs, and a way to them, new for each test of a file. */
import { after, before, beforeEach } from 'node:test';
import type { Upstream } from '../wire/upstream.ts';
import { upstreamFor } from './calls.test-support.ts';
import { Dispatches, serveProvider, type Provider } from './tokens.test-support.ts';
import { TestCa, type Identity } from './upstreams.test-support.ts';

export class Endpoints {
  #ca!: TestCa;
  #identity!: Identity;
  #upstream: Upstream | undefined;
  /** As many as were asked for. */
  providers: readonly Provider[] = [];
  dispatches!: Dispatches;

  /** Called once by a file, before it registers what it does before each test itself. */
  static forEach(count: number): Endpoints {
    const endpoints = new Endpoints();
    before(() => endpoints.#prepare());
    beforeEach(() => endpoints.#open(count));
    after(() => endpoints.#close());
    return endpoints;
  }

  /** Whom their certificates are by. */
  get authority(): string {
    return this.#ca.pem;
  }

  async #prepare(): Promise<void> {
    this.#ca = await TestCa.create();
    this.#identity = await this.#ca.issue([{ type: 'dns', value: 'localhost' }]);
  }

  async #open(count: number): Promise<void> {
    await this.#close();
    this.providers = await Promise.all(Array.from({ length: count }, () => serveProvider(this.#identity)));
    const isFreedOverwritten = (): boolean => true;
    this.#upstream = upstreamFor(this.#ca.pem, { limits: { totalMs: 20_000 }, isFreedOverwritten });
    this.dispatches = new Dispatches(this.#upstream);
  }

  async #close(): Promise<void> {
    for (const provider of this.providers) await provider[Symbol.asyncDispose]();
    await this.#upstream?.close();
  }
}
