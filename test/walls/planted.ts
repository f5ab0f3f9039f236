/** The violations that `walls.test.ts` plants, each with what the walls must say of its line. Nothing is checked here. */

/** `text` is one line, planted at the end of `file` (below `packages/`); a file that is not there is made. */
export interface Planted {
  readonly kind: string;
  readonly file: string;
  readonly text: string;
  readonly says: string;
}

const plant = (kind: string, file: string, text: string, says: string): Planted => ({ kind, file, text, says });
const NO_STRING = (what: string) => `${what} could read a plaintext as a string`;
const UNNAMED = (what: string) => `${what} is a power that no capability names`;
const OPENING = 'executor/src/open.ts may be used only in executor/src/run.ts';

export const PLANTED: readonly Planted[] = [
  // Neighbours
  plant('a neighbour that is none', 'mcp/src/handle.ts', `import '@dauth/client';`, 'mcp may not import @dauth/client'),
  plant('a room nobody imports', 'cli/src/start.ts', `import '@dauth/executor';`, 'cli may not import @dauth/executor'),
  plant(
    'a reach into another package',
    'mcp/src/key.ts',
    `import '@dauth/verify/dist/jws.js';`,
    '@dauth/verify/dist/jws.js reaches into another package; use its public name',
  ),
  plant(
    'a relative way out',
    'mcp/src/key.ts',
    `import '../../verify/src/jws.ts';`,
    'a relative import leaves the package; use its public name',
  ),
  plant('an outside package', 'executor/src/door/server.ts', `import 'hono';`, 'executor may not import hono'),
  plant(
    'code that is only for tests',
    'executor/src/room.ts',
    `import './calls.test-support.ts';`,
    'what is built imports what is only for tests',
  ),

  // Powers that are imported
  plant(
    'a power the room lacks',
    'protocol/src/json.ts',
    `import 'node:fs';`,
    'protocol does not hold the capability files (node:fs)',
  ),
  plant('a power nobody named', 'executor/src/who/seen.ts', `import 'node:inspector';`, UNNAMED('node:inspector')),
  plant('another realm', 'executor/src/who/seen.ts', `import 'node:vm';`, UNNAMED('node:vm')),
  plant(
    'a process outside its window',
    'executor/src/wire/dial.ts',
    `import 'node:child_process';`,
    'node:child_process may be used only in cli/src/main.ts, cli/src/rooms.ts, executor/src/launch.ts',
  ),
  plant(
    'a raw socket outside its window',
    'executor/src/who/seen.ts',
    `import 'node:tls';`,
    'node:tls may be used only in authority/src/outside/dial.ts, executor/src/postgres/connect.ts, executor/src/wire/dial.ts, executor/src/wire/dial-certified.ts, executor/src/run.ts',
  ),
  plant(
    'a require of its own',
    'executor/src/who/seen.ts',
    `import { createRequire } from 'node:module';`,
    'node:module may be used only in cli/src/rooms.ts, executor/src/launch.ts',
  ),
  plant(
    'a computed import',
    'mcp/src/key.ts',
    `export const m = (n: string) => import(n);`,
    'an import is computed at run time',
  ),
  plant(
    'a computed import in a file that has a window of another kind',
    'executor/src/wire/dial.ts',
    `export const n = (n: string) => import(n);`,
    'an import is computed at run time',
  ),
  plant(
    'sealing outside its window',
    'client/src/key.ts',
    `import 'hpke';`,
    'hpke may be used only in client/src/seal.ts',
  ),
  plant('sealing handed on', 'client/src/seal.ts', `export * from 'hpke';`, 'hpke may not be passed on'),

  // Opening: the window is on the file, not on a name
  plant(
    'opening outside its window',
    'executor/src/who/status.ts',
    `import { openEnvelope as a } from '../open.ts';`,
    OPENING,
  ),
  plant(
    'the inner half of opening',
    'executor/src/who/status.ts',
    `import { openBase as b } from '../open.ts';`,
    OPENING,
  ),
  plant('opening as a namespace', 'executor/src/who/status.ts', `import * as o from '../open.ts';`, OPENING),
  plant('opening for its effect', 'executor/src/who/status.ts', `import '../open.ts';`, OPENING),
  plant('opening by its built name', 'executor/src/who/status.ts', `export const p = import('../open.js');`, OPENING),
  plant('opening by a query', 'executor/src/who/status.ts', `export const q = import('../open.js?x');`, OPENING),
  plant('opening from elsewhere', 'executor/src/who/status.ts', `export * from '../../src/open.ts';`, OPENING),
  plant(
    'opening handed on by the one who may',
    'executor/src/run.ts',
    `export { openBase } from './open.ts';`,
    'executor/src/open.ts may not be passed on',
  ),

  plant(
    'sealing again outside its window',
    'executor/src/who/status.ts',
    `import { resealEnvelope as r } from '../reseal.ts';`,
    'executor/src/reseal.ts may be used only in executor/src/run.ts',
  ),
  plant(
    'the keys of a message outside their window',
    'executor/src/who/status.ts',
    `import { keysOf as k } from '../secret/schedule.ts';`,
    'executor/src/secret/schedule.ts may be used only in executor/src/open.ts, executor/src/reseal.ts',
  ),

  // A native call whose result is a secret: the window is on its name
  plant(
    'a native call outside its window',
    'executor/src/secret/scram.ts',
    `import { pbkdf2Sync as stretched } from 'node:crypto';`,
    'node:crypto pbkdf2Sync may be used only in executor/src/secret/native.ts',
  ),
  plant(
    'a native call handed on by the one who may',
    'executor/src/secret/native.ts',
    `export { diffieHellman } from 'node:crypto';`,
    'node:crypto diffieHellman may not be passed on',
  ),
  plant(
    'all native calls at once',
    'executor/src/secret/scram.ts',
    `import * as native from 'node:crypto';`,
    'node:crypto may not be taken whole; import the names that are used',
  ),
  plant(
    'all native calls at once, by default',
    'executor/src/secret/md5.ts',
    `import native from 'node:crypto';`,
    'node:crypto may not be taken whole; import the names that are used',
  ),
  plant(
    'all native calls at run time',
    'executor/src/secret/hmac.ts',
    `export const n1 = import('node:crypto');`,
    'node:crypto may not be taken whole; import the names that are used',
  ),

  // Globals: an allow-list
  plant(
    'a clock in the shared words',
    'protocol/src/json.ts',
    `export const t = Date.now();`,
    'protocol does not hold the capability clock (Date.now)',
  ),
  plant(
    'a clock by another name',
    'verify/src/key.ts',
    `export const t1 = new Date();`,
    'verify does not hold the capability clock (Date.now)',
  ),
  plant(
    'a clock as text',
    'verify/src/key.ts',
    `export const t2 = Date();`,
    'verify does not hold the capability clock (Date.now)',
  ),
  plant(
    'a clock by spreading nothing',
    'verify/src/key.ts',
    `export const t3 = new Date(...([] as unknown as [number]));`,
    'verify does not hold the capability clock (Date.now)',
  ),
  plant(
    'a clock that is passed on',
    'verify/src/key.ts',
    `export const d = Date;`,
    'Date is passed on as a value, and its powers with it',
  ),
  plant(
    'chance that is passed on',
    'client/src/key.ts',
    `export const c = Math;`,
    'Math is passed on as a value, and its powers with it',
  ),
  plant(
    'the network in the verifier',
    'verify/src/key.ts',
    `export const f = () => fetch('x');`,
    'verify does not hold the capability fetch (fetch)',
  ),
  plant(
    'the network in the sealed room',
    'executor/src/who/seen.ts',
    `export const f1 = () => globalThis.fetch('x');`,
    'executor does not hold the capability fetch (fetch)',
  ),
  plant(
    'the global object under another name',
    'verify/src/key.ts',
    `const g: any = globalThis; void g.process;`,
    'the global object is passed on, and everything with it',
  ),
  plant(
    'the global object by reflection',
    'verify/src/key.ts',
    `export const r = Reflect.get(globalThis, 'fetch');`,
    'the global object is passed on, and everything with it',
  ),
  plant('reflection', 'verify/src/key.ts', `export const r1 = Reflect.ownKeys({});`, UNNAMED('Reflect.ownKeys')),
  plant('a global in a pattern', 'verify/src/key.ts', `export const { process: p1 } = globalThis;`, UNNAMED('process')),
  plant('a web socket', 'client/src/key.ts', `export const w = () => new WebSocket('wss://x');`, UNNAMED('WebSocket')),
  plant(
    'an old request',
    'client/src/key.ts',
    `export const x = () => new XMLHttpRequest();`,
    UNNAMED('XMLHttpRequest'),
  ),
  plant(
    'a beacon',
    'client/src/key.ts',
    `export const b = () => navigator.sendBeacon('https://x');`,
    UNNAMED('navigator.sendBeacon'),
  ),
  plant(
    "the page's storage",
    'client/src/key.ts',
    `export const s = () => localStorage.setItem('k', 'v');`,
    UNNAMED('localStorage.setItem'),
  ),
  plant('the console', 'executor/src/room.ts', `console.log('x');`, UNNAMED('console.log')),
  plant(
    'a built-in by way of the process',
    'executor/src/room.ts',
    `export const fs = process.getBuiltinModule('fs');`,
    UNNAMED('process.getBuiltinModule'),
  ),
  plant(
    'a built-in in a pattern',
    'executor/src/room.ts',
    `export const { getBuiltinModule } = process;`,
    '.getBuiltinModule is forbidden everywhere',
  ),
  plant(
    'the process under another name',
    'executor/src/room.ts',
    `export const pr = process;`,
    'process is passed on as a value, and its powers with it',
  ),
  plant('native code', 'executor/src/room.ts', `process.dlopen({}, 'x');`, UNNAMED('process.dlopen')),
  plant('code from strings', 'mcp/src/key.ts', `eval('1');`, 'eval is forbidden everywhere'),
  plant(
    'code from strings by a constructor',
    'mcp/src/key.ts',
    `export const e = (() => 1).constructor('return 1')();`,
    '.constructor is forbidden everywhere',
  ),

  // A plaintext is bytes
  plant(
    'a plaintext as a string',
    'executor/src/secret/inject.ts',
    `export const p2 = (p: Plaintext) => p.lend((b) => Buffer.from(b).toString('utf8'));`,
    NO_STRING('toString'),
  ),
  plant(
    'a plaintext as JSON',
    'executor/src/secret/plaintext.ts',
    `export const j = (b: Buffer): unknown => JSON.parse(b as never);`,
    NO_STRING('JSON.parse'),
  ),
  plant(
    'a plaintext decoded',
    'executor/src/open.ts',
    `export const d1 = (b: Buffer) => new TextDecoder().decode(b);`,
    NO_STRING('TextDecoder'),
  ),
  plant(
    'a plaintext as String()',
    'executor/src/secret/fields.ts',
    `export const s1 = (b: Buffer) => String(b);`,
    NO_STRING('String'),
  ),
  plant(
    'String passed on',
    'executor/src/secret/fields.ts',
    `export const s2 = (b: Buffer[]) => b.map(String);`,
    NO_STRING('String'),
  ),
  plant(
    'a plaintext by an inner method',
    'executor/src/wire/scan.ts',
    `export const l = (b: { latin1Slice(): string }) => b['latin1Slice']();`,
    NO_STRING('latin1Slice'),
  ),
  plant(
    'a plaintext octet by octet',
    'executor/src/secret/writer.ts',
    `export const o1 = (b: Buffer) => [...b].map((c) => String.fromCharCode(c)).join('');`,
    NO_STRING('String.fromCharCode'),
  ),
  plant(
    'a plaintext formatted',
    'executor/src/secret/encode.ts',
    `import { format } from 'node:util';`,
    NO_STRING('node:util'),
  ),
  plant(
    'a plaintext borrowed elsewhere',
    'executor/src/dispatch.ts',
    `export const l1 = (p: { lend(f: (b: Buffer) => void): void }) => p.lend(() => undefined);`,
    '.lend borrows a plaintext, which the law does not let this file do',
  ),

  // Files that nobody would read
  plant('another dialect', 'executor/src/extra.mts', `export {};`, 'only .ts files may stand in src'),
  plant('plain JavaScript', 'executor/src/extra.js', `export {};`, 'only .ts files may stand in src'),
  plant('a CommonJS module', 'mcp/src/extra.cts', `export {};`, 'only .ts files may stand in src'),
  plant('declared powers', 'verify/src/extra.d.ts', `declare const x: string;`, 'only .ts files may stand in src'),
  plant('code outside src', 'mcp/extra.ts', `export {};`, 'it stands outside src'),
];

/** `from` in `file` becomes `to`; the walls must say the whole line `says`. */
export interface Edited {
  readonly kind: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly says: string;
}

export const EDITED: readonly Edited[] = [
  {
    kind: 'a dependency that is not allowed',
    file: 'packages/executor/package.json',
    from: '"undici"',
    to: '"got"',
    says: 'packages/executor/package.json:1 executor may not depend on got.',
  },
  {
    kind: 'a dependency that is not pinned',
    file: 'packages/authority/package.json',
    from: '"hono": "',
    to: '"hono": "^',
    says: 'packages/authority/package.json:1 hono is not pinned to an exact version.',
  },
  {
    kind: 'a dependency that nobody imports',
    file: 'packages/executor/src/where/address.ts',
    from: "from 'ipaddr.js'",
    to: "from 'undici'",
    says: 'packages/executor/package.json:1 ipaddr.js is declared and never imported.',
  },
  {
    kind: 'a project reference that is no neighbour',
    file: 'packages/mcp/tsconfig.json',
    from: '../verify',
    to: '../client',
    says: 'packages/mcp/tsconfig.json:1 its references are not its neighbours (protocol, verify).',
  },
  {
    kind: 'a circle',
    file: 'packages/mcp/src/key.ts',
    from: "from '@dauth/protocol';",
    to: "from '@dauth/protocol'; import './config.ts';",
    says: 'packages/mcp/src/key.ts:1 files import each other in a circle: mcp/src/key.ts → mcp/src/config.ts → mcp/src/members.ts → mcp/src/key.ts.',
  },
  {
    kind: 'a file in the law that is not there',
    file: 'architecture.json',
    from: 'executor/src/secret/memory.ts',
    to: 'executor/src/forgotten.ts',
    says: 'packages/executor/src/forgotten.ts:1 architecture.json names a file that is not there.',
  },
];
