/**
 * The least that a durable token can cost, as a process: one ES256 signature made, one checked, and one row in a database that
 * has it on disk before anybody is told, many rows to one such commit. Nobody asks who wants it, and nothing is parsed.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { createInterface } from 'node:readline';
import { openDatabase } from '../stage/database.ts';

export interface FloorRun {
  readonly id: number;
  readonly operations: number;
  /** Rows to a commit. */
  readonly group: number;
}

const LIFE_SECONDS = 300;
const database = await openDatabase(process.argv[2]!);
database.exec('CREATE TABLE used (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID');

// By way of octets: Node 20 may lock itself up while it hands on a key that it has just made.
const { publicKey, privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { format: 'pem', type: 'spki' },
  privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
});
/** As long as what is signed for a token. */
const input = randomBytes(600);
const ours = { key: createPrivateKey(privateKey), dsaEncoding: 'ieee-p1363' } as const;
const theirs = { key: createPublicKey(publicKey), dsaEncoding: 'ieee-p1363' } as const;

process.stdout.write(`${JSON.stringify({ event: 'listening' })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { id, operations, group } = JSON.parse(line) as FloorRun;
  const beganAt = performance.now();
  for (let left = operations; left > 0; left -= group) commit(Math.min(group, left));
  process.stdout.write(`${JSON.stringify({ id, seconds: (performance.now() - beganAt) / 1_000 })}\n`);
}

function commit(rows: number): void {
  database.transaction(() => {
    for (let row = 0; row < rows; row++) {
      const signature = sign('sha256', input, ours);
      if (!verify('sha256', input, theirs, signature)) throw new Error('a signature was not believed');
      database.run('INSERT INTO used VALUES (?,?)', randomUUID(), Math.floor(Date.now() / 1_000) + LIFE_SECONDS);
    }
  });
}
