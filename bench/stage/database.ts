/** The authority's own way to open a database (WAL, `synchronous=FULL`), by path: its room lends nothing else. */
export type Value = string | number | null;

export interface Database {
  exec(sql: string): void;
  run(sql: string, ...values: Value[]): number;
  get(sql: string, ...values: Value[]): Readonly<Record<string, Value>> | undefined;
  transaction<T>(body: () => T): T;
  close(): void;
}

const DRIVER = new URL('../../../packages/authority/dist/store/driver.js', import.meta.url).href;

export async function openDatabase(path: string): Promise<Database> {
  const driver = (await import(DRIVER)) as { readonly openDatabase: (path: string) => Promise<Database> };
  return driver.openDatabase(path);
}
