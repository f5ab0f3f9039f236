/** What the tests use of `pg`, which comes without types. */
declare module 'pg' {
  import type { Duplex } from 'node:stream';

  export interface QueryResult {
    readonly rows: readonly Record<string, unknown>[];
    readonly command: string;
  }
  export interface ClientConfig {
    readonly host?: string;
    readonly port?: number;
    readonly user?: string;
    readonly database?: string;
    readonly password?: string;
    readonly ssl?: false;
    readonly stream?: () => Duplex;
  }
  export class Query {
    constructor(text: string, values?: readonly unknown[]);
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'end', listener: () => void): this;
  }
  export class Client {
    constructor(config: ClientConfig);
    readonly processID: number;
    readonly secretKey: number;
    connect(): Promise<void>;
    query(text: string, values?: readonly unknown[]): Promise<QueryResult>;
    query(query: Query): Query;
    cancel(client: Client, query: Query): void;
    end(): Promise<void>;
    on(event: 'error', listener: (error: Error) => void): this;
  }
  const pg: { readonly Client: typeof Client; readonly Query: typeof Query };
  export default pg;
}
