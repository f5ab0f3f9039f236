/**
 * A stand-in for a PostgreSQL, for what no real one does: it says what it is told, after a login whose proofs it checks for
 * itself. It runs no SQL: tests of what PostgreSQL makes of a statement are between real processes.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { message, uint32 } from '../postgres/messages.ts';
import type { Identity } from './upstreams.test-support.ts';

export interface DatabaseScript {
  /** Any of them logs in, whoever the user is. */
  readonly passwords: readonly string[];
  readonly auth?: 'scram' | 'md5' | 'clear' | 'none';
  readonly mechanisms?: readonly string[];
  readonly iterations?: number;
  /** 16 octets. Default: random ones for each login. */
  readonly salt?: Buffer;
  /** What it answers SSLRequest with. */
  readonly ssl?: string;
  /** Changes a message of the login before it goes. */
  readonly change?: (octets: Buffer) => Buffer;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Messages for a statement, in front of ReadyForQuery; null for silence. */
  readonly answer?: (sql: string, socket: Socket, password: string) => readonly Buffer[] | null;
}

/** A row of one text. */
export function row(text: string | Buffer): Buffer {
  const value = Buffer.from(text as string);
  return message('D', Buffer.from([0, 1]), uint32(value.length), value);
}

export const done = (tag: string): Buffer => message('C', tag);

export interface Database extends AsyncDisposable {
  readonly port: number;
  script: DatabaseScript;
  /** Startup parameters of each session. */
  readonly started: Readonly<Record<string, string>>[];
  /** Type and first text of all that came after the logins, in order. A session goes on writing where it began to. */
  said: string[];
  /** Keys that came with requests to cancel. */
  readonly cancelled: Buffer[];
  /** Every octet of clients, decrypted. */
  readonly heard: Buffer[];
  readonly logins: number;
  /** RFC 5802 §3 `SaltedPassword` of the last login. */
  readonly salted: Buffer;
}

const KEY = Buffer.from('0000002a5ec2e700', 'hex');

export async function serveDatabase(identity: Identity, script: DatabaseScript): Promise<Database> {
  const sockets = new Set<Socket>();
  const context = createSecureContext(identity);
  const endPoint = createHash('sha256').update(new X509Certificate(identity.cert).raw).digest();
  const database = {
    script,
    started: [],
    said: [],
    cancelled: [],
    heard: [],
    logins: 0,
    salted: Buffer.alloc(0),
  } as unknown as {
    -readonly [K in keyof Database]: Database[K];
  };
  const server = createServer((plain) => {
    sockets.add(plain);
    plain.on('error', () => undefined);
    plain.once('close', () => sockets.delete(plain));
    plain.once('data', () => {
      plain.pause();
      plain.write(database.script.ssl ?? 'S', 'latin1');
      if ((database.script.ssl ?? 'S') !== 'S') return;
      const socket = new TLSSocket(plain, { isServer: true, secureContext: context });
      socket.on('error', () => undefined);
      talk(socket, database, endPoint);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(database, {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  });
}

function talk(socket: TLSSocket, database: { -readonly [K in keyof Database]: Database[K] }, endPoint: Buffer): void {
  let held = Buffer.alloc(0);
  let state: 'startup' | 'first' | 'final' | 'md5' | 'in' = 'startup';
  let [user, password] = ['', ''];
  let [clientFirst, serverFirst] = ['', ''];
  const { script, said: saidHere } = database;
  const salt = script.salt ?? randomBytes(16);
  const send = (octets: Buffer): void => void socket.write(script.change?.(octets) ?? octets);
  const refuse = (): void => void socket.end(message('E', 'SFATAL', 'C28P01', 'Mwrong', Buffer.of(0)));
  const enter = (): void => {
    state = 'in';
    database.logins++;
    send(message('R', uint32(0)));
    const parameters = { server_version: '16.0', is_superuser: 'off', client_encoding: 'UTF8', ...script.parameters };
    for (const [name, value] of Object.entries(parameters)) send(message('S', name, value));
    send(message('K', KEY));
    send(message('Z', Buffer.from('I')));
  };
  const startup = (packet: Buffer): void => {
    if (packet.readUInt32BE(4) === 80877102) return void database.cancelled.push(Buffer.from(packet.subarray(8)));
    const texts = packet.toString('latin1', 8).split('\0');
    const said = Object.fromEntries(
      Array.from({ length: (texts.length - 2) / 2 }, (_, i) => texts.slice(i * 2, i * 2 + 2)),
    );
    database.started.push(said as Record<string, string>);
    user = said.user as string;
    const auth = script.auth ?? 'scram';
    if (auth === 'none') return enter();
    state = auth === 'scram' ? 'first' : 'md5';
    if (auth === 'clear') return send(message('R', uint32(3)));
    if (auth === 'md5') return send(message('R', uint32(5), salt.subarray(0, 4)));
    send(message('R', uint32(10), ...(script.mechanisms ?? ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']), Buffer.of(0)));
  };
  const first = (body: Buffer): void => {
    const text = body.subarray(body.indexOf(0) + 5).toString('latin1');
    clientFirst = text.slice(text.indexOf(',,') + 2);
    const nonce = /r=(.*)$/.exec(clientFirst)![1]! + randomBytes(12).toString('base64');
    serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${script.iterations ?? 4096}`;
    state = 'final';
    send(message('R', uint32(11), Buffer.from(serverFirst)));
  };
  const final = (text: string): void => {
    const [withoutProof = '', proof = ''] = text.split(',p=');
    const auth = `${clientFirst},${serverFirst},${withoutProof}`;
    const mac = (key: Uint8Array, data: string): Buffer => createHmac('sha256', key).update(data).digest();
    const bound = Buffer.from(/^c=([^,]*)/.exec(text)![1]!, 'base64');
    const isPlus = (script.mechanisms ?? ['SCRAM-SHA-256-PLUS']).includes('SCRAM-SHA-256-PLUS');
    const expected = isPlus ? Buffer.concat([Buffer.from('p=tls-server-end-point,,'), endPoint]) : Buffer.from('y,,');
    for (const known of script.passwords) {
      const salted = pbkdf2Sync(known, salt, script.iterations ?? 4096, 32, 'sha256');
      const stored = createHash('sha256').update(mac(salted, 'Client Key')).digest();
      const signature = mac(stored, auth);
      const key = Buffer.from(Buffer.from(proof, 'base64').map((octet, i) => octet ^ signature[i]!));
      if (!createHash('sha256').update(key).digest().equals(stored) || !bound.equals(expected)) continue;
      password = known;
      database.salted = salted;
      const server = mac(mac(salted, 'Server Key'), auth).toString('base64');
      send(message('R', uint32(12), Buffer.from(`v=${server}`)));
      return enter();
    }
    refuse();
  };
  const md5 = (text: string): void => {
    const hash = (...parts: Uint8Array[]): string => createHash('md5').update(Buffer.concat(parts)).digest('hex');
    const known = script.passwords.find(
      (each) => text === `md5${hash(Buffer.from(hash(Buffer.from(each + user))), salt.subarray(0, 4))}\0`,
    );
    if (known === undefined) return refuse();
    password = known;
    enter();
  };
  let sql = '';
  const statement = (type: string, body: Buffer): void => {
    if (type === 'X') return;
    saidHere.push(`${type} ${body.toString('latin1').split('\0')[type === 'P' ? 1 : 0]}`);
    if (type === 'P') sql = body.subarray(body.indexOf(0) + 1, body.indexOf(0, body.indexOf(0) + 1)).toString();
    if (type === 'Q') sql = body.toString('utf8', 0, body.length - 1);
    const begins = sql.startsWith('BEGIN') ? 'T' : 'I';
    if (type === 'Q' || type === 'E') {
      const given = (script.answer ?? (() => [done(sql.split(' ')[0]!)]))(sql, socket, password);
      if (given === null) return;
      socket.write(Buffer.concat([...given, ...(type === 'Q' ? [message('Z', Buffer.from(begins))] : [])]));
    }
    if (type === 'S') socket.write(message('Z', Buffer.from('T')));
  };
  socket.on('data', (octets: Buffer) => {
    database.heard.push(Buffer.from(octets));
    held = Buffer.concat([held, octets]);
    for (;;) {
      const at = state === 'startup' ? 0 : 1;
      if (held.length < at + 4 || held.length < at + held.readUInt32BE(at)) return;
      const length = at + held.readUInt32BE(at);
      const packet = held.subarray(0, length);
      held = held.subarray(length);
      if (state === 'startup') startup(packet);
      else if (state === 'first') first(packet.subarray(5));
      else if (state === 'final') final(packet.toString('latin1', 5));
      else if (state === 'md5') md5(packet.toString('latin1', 5));
      else statement(String.fromCharCode(packet[0]!), packet.subarray(5));
    }
  });
}
