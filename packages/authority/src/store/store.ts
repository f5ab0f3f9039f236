/** The authority's store: one database, one table family per file. Holds ciphertext, names and public keys only. */
import { Asks } from './asks.ts';
import { Audit } from './audit.ts';
import { Changes } from './changes.ts';
import { Codes } from './codes.ts';
import { Connections } from './connections.ts';
import { Devices } from './devices.ts';
import { openDatabase, type Database } from './driver.ts';
import { Grants } from './grants.ts';
import { Group } from './group.ts';
import { Leases } from './leases.ts';
import { Once } from './once.ts';
import { People } from './people.ts';
import { RefreshTokens } from './refresh.ts';
import { Registry } from './registry.ts';
import { migrate } from './schema.ts';

export class Store {
  readonly registry: Registry;
  readonly grants: Grants;
  readonly connections: Connections;
  readonly changes: Changes;
  readonly once: Once;
  readonly leases: Leases;
  readonly audit: Audit;
  readonly people: People;
  readonly devices: Devices;
  readonly asks: Asks;
  readonly codes: Codes;
  readonly refresh: RefreshTokens;
  readonly #db: Database;
  readonly #group: Group;

  constructor(database: Database, now: () => number) {
    migrate(database);
    this.#db = database;
    this.#group = new Group(database);
    this.changes = new Changes(database);
    this.registry = new Registry(database);
    this.grants = new Grants(database);
    this.connections = new Connections(database, this.changes);
    this.once = new Once(database, now);
    this.leases = new Leases(database, now);
    this.audit = new Audit(database);
    this.people = new People(database);
    this.devices = new Devices(database, now);
    this.asks = new Asks(database, now);
    this.codes = new Codes(database, now);
    this.refresh = new RefreshTokens(database, now);
  }

  /** Runs `body` whole or not at all; durable when it returns. */
  transaction<T>(body: () => T): T {
    return this.#db.transaction(body);
  }

  /**
   * The same, together with what else is ready in this turn. Time passes before `body` runs: what others may have changed
   * since the request came in is asked inside.
   */
  grouped<T>(body: () => T): Promise<T> {
    return this.#group.run(body);
  }

  close(): void {
    this.#db.close();
  }
}

/** @param now Unix seconds */
export async function openStore(path: string, now: () => number): Promise<Store> {
  return new Store(await openDatabase(path), now);
}
