/** A tool that talks to a database: the driver `pg`, unmodified, over the stream of a connection. */
import { postgres, type ToolContext } from '@dauth/mcp';
import pg, { type Client, type QueryResult } from 'pg';

/** What a statement came to: its rows and command, or the code and the words that it was refused with. */
export type Result =
  | { readonly rows: readonly Record<string, unknown>[]; readonly command: string }
  | { readonly error: string; readonly said: string };

/**
 * Runs statements one after another in one session. Before one, `cancel ` has another connection stop it, and `$ ` sends it as
 * a prepared statement, with a parameter.
 */
export async function runStatements(
  ctx: ToolContext,
  connection: string,
  write: boolean,
  statements: readonly string[],
): Promise<Result[]> {
  const config = postgres(ctx, connection, { write });
  const client = new pg.Client({ ...config, password: 'worth nothing' });
  const results: Result[] = [];
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    return [failed(error)];
  }
  for (const statement of statements) {
    try {
      const running = statement.startsWith('cancel ')
        ? cancelled(new pg.Client(config), client, statement.slice('cancel '.length))
        : statement.startsWith('$ ')
          ? client.query(statement.slice(2), ['1'])
          : client.query(statement);
      const { rows, command } = await running;
      results.push({ rows, command });
    } catch (error) {
      results.push(failed(error));
    }
  }
  await client.end().catch(() => undefined);
  return results;
}

function cancelled(other: Client, client: Client, statement: string): Promise<QueryResult> {
  other.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    const query = new pg.Query(statement);
    query.on('error', reject).on('end', () => resolve({ rows: [], command: 'finished' }));
    client.query(query);
    setTimeout(() => other.cancel(client, query), 300);
  });
}

function failed(error: unknown): Result {
  const { code, message } = error as { code?: string; message: string };
  return { error: code ?? 'none', said: message };
}
