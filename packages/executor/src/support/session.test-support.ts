/** Sessions for tests: a way to databases, a login with defaults, and a driver that says what it is told. */
import { PassThrough } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Postgres } from '@dauth/protocol';
import {
  createDatabases,
  type DatabasesLimits,
  type OpenedSession,
  type SessionRequest,
} from '../postgres/databases.ts';
import type { SessionOutcome } from '../postgres/relay.ts';
import { message, uint32 } from '../postgres/messages.ts';
import { trustStore } from '../wire/dial.ts';
import { plaintextOf } from './calls.test-support.ts';
import type { Database } from './database.test-support.ts';
import { until } from './until.test-support.ts';

export const PASSWORD = 'a-password-of-the-app-1';
export const LOGIN: Postgres = {
  ...{ scheme: 'postgres', user: 'app', password: '{token}', auth: ['scram-sha-256'], statement_timeout_ms: 60_000 },
};

let trusted: readonly [ca: string, trust: SecureContext] | undefined;
/** The roots are many, and reading them takes as long as a login. */
function trustFor(ca: string): SecureContext {
  if (trusted?.[0] !== ca) trusted = [ca, trustStore(ca.split(/(?=-----BEGIN)/))];
  return trusted[1];
}

export interface SessionOptions extends Partial<SessionRequest> {
  readonly limits?: Partial<DatabasesLimits>;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Logs in to a stand-in, right but for what is given. */
export function openAt(
  { port }: Pick<Database, 'port'>,
  ca: string,
  options: SessionOptions = {},
): Promise<OpenedSession> {
  const { limits = {}, fields = { token: PASSWORD }, ...request } = options;
  return createDatabases({ trust: () => trustFor(ca), limits }).open({
    address: {
      origin: 'postgres://localhost' as never,
      scheme: 'postgres',
      host: 'localhost',
      port,
      ips: ['127.0.0.1'],
    },
    ...{
      login: LOGIN,
      database: 'shop',
      isReadOnly: false,
      parameters: new Map(),
      lifeMs: 15_000,
      most: {},
      hold: () => undefined,
    },
    ...{ beforeSend: () => undefined, assertStands: () => undefined, signal: new AbortController().signal },
    open: () => plaintextOf(fields),
    ...request,
  });
}

/** A driver of a running session. */
export class Driver {
  readonly up = new PassThrough();
  readonly down = new PassThrough();
  readonly outcome: Promise<SessionOutcome>;
  #octets = Buffer.alloc(0);

  constructor(opened: OpenedSession) {
    this.down.on('data', (octets: Buffer) => (this.#octets = Buffer.concat([this.#octets, octets])));
    this.outcome = opened.run(this.up, this.down, { pid: 7, key: 8 });
  }

  /** Messages that came so far: type and body. */
  get got(): readonly (readonly [type: string, body: Buffer])[] {
    return framesOf(this.#octets);
  }

  get text(): string {
    return this.#octets.toString('latin1');
  }

  say(...messages: readonly Buffer[]): void {
    this.up.write(Buffer.concat(messages));
  }

  query(sql: string): void {
    this.say(message('Q', sql));
  }

  /** Waits for the server to be ready for the `count`th time. */
  async ready(count: number): Promise<void> {
    await until(`ready ${count} times`, () => this.got.filter(([type]) => type === 'Z').length >= count);
  }
}

export function framesOf(octets: Buffer): readonly (readonly [type: string, body: Buffer])[] {
  const frames: (readonly [string, Buffer])[] = [];
  for (let at = 0; at + 5 <= octets.length;) {
    const end = at + 1 + octets.readUInt32BE(at + 1);
    if (end > octets.length) break;
    frames.push([String.fromCharCode(octets[at]!), octets.subarray(at + 5, end)]);
    at = end;
  }
  return frames;
}

/** A driver that has nothing to say. */
export function leave(opened: OpenedSession): void {
  new Driver(opened).say(message('X'));
}

/** A driver's first packet. */
export function startup(parameters: Readonly<Record<string, string>> = { user: 'x', database: 'shop' }): Buffer {
  const texts = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${texts.join('')}\0`);
  return Buffer.concat([uint32(body.length + 8), uint32(0x0003_0000), body]);
}
