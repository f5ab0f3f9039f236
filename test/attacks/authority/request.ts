/**
 * From an entry to octets: the good request of its base at one side, changed as the entry says, over a socket of its own.
 * Judges nothing.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { makeCall } from './call.ts';
import { CANARY, type Base, type Change, type JwtChange, type Who } from './entry.ts';
import { makeJwt, now } from './jwt.ts';
import { approve, PLATFORM, REDIRECT, RESOURCE, type Key, type Side } from './side.ts';

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Values that an answer has no reason to repeat. */
  readonly sent: readonly string[];
}

type Form = Readonly<Record<string, string | null | readonly string[]>>;

const VERIFIER = randomBytes(32).toString('base64url');
const WANTED = { resource: RESOURCE, scope: 'mcp:use' };
const ASKED = {
  ...WANTED,
  response_type: 'code',
  redirect_uri: REDIRECT,
  state: 'the state of the app',
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
};
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface Good {
  readonly by: Who;
  readonly form: Form;
  readonly proof: boolean;
}

const GOOD: Readonly<Record<Base, Good>> = {
  par: { by: 'app', proof: false, form: ASKED },
  authorize: { by: 'app', proof: false, form: ASKED },
  credentials: { by: 'agent', proof: true, form: { grant_type: 'client_credentials', ...WANTED } },
  code: {
    ...{ by: 'app', proof: true },
    form: { grant_type: 'authorization_code', code: '{code}', redirect_uri: REDIRECT, code_verifier: VERIFIER },
  },
  refresh: { by: 'app', proof: true, form: { grant_type: 'refresh_token', refresh_token: '{refresh}' } },
  device: { by: 'app', proof: true, form: WANTED },
  poll: { by: 'app', proof: true, form: { grant_type: DEVICE_CODE, device_code: '{device}' } },
  exchange: {
    ...{ by: 'server', proof: true },
    form: {
      ...{ grant_type: EXCHANGE, resource: '{executor}' },
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
  },
  // No client asks: which one it is follows from the assertion.
  workload: {
    ...{ by: 'app', proof: true },
    form: { client_id: null, grant_type: JWT_BEARER, assertion: '{workload}', resource: RESOURCE },
  },
  revoke: { by: 'app', proof: false, form: { token: '{access}' } },
  introspect: { by: 'server', proof: false, form: { token: '{access}' } },
};

/** What a text in braces stands for: each time a new one. */
const MADE: Readonly<Record<string, (side: Side) => Promise<string>>> = {
  code: (side) => newCode(side, {}),
  'code for another key': (side) => newCode(side, { dpop_jkt: side.keys.stranger.jkt }),
  'code of another client': (side) => newCode(side, {}, 'other'),
  'used code': async (side) => {
    const code = await newCode(side, {});
    await good(side, 'code', { form: { code } });
    return code;
  },
  refresh: async (side) => (await good(side, 'code', {})).refresh_token!,
  'refresh of another client': async (side) => {
    const code = await newCode(side, {}, 'other');
    return (await good(side, 'code', { by: 'other', form: { code } })).refresh_token!;
  },
  'used refresh': async (side) => {
    const refresh_token = await fill(side, '{refresh}');
    await good(side, 'refresh', { form: { refresh_token } });
    return refresh_token;
  },
  device: async (side) => (await good(side, 'device', {})).device_code!,
  'device of another client': async (side) => (await good(side, 'device', { by: 'other' })).device_code!,
  access: async (side) => (await good(side, 'credentials', {})).access_token!,
  'access that was given back': async (side) => {
    const token = await fill(side, '{access}');
    await ask(side, 'revoke', { by: 'agent', form: { token } });
    return token;
  },
  'access for the authority': async (side) => {
    return (await good(side, 'credentials', { form: { resource: side.issuer, scope: null } })).access_token!;
  },
  workload: (side) => sayWorkload(side, {}),
  'workload that nobody vouches for': (side) => sayWorkload(side, { signed: 'stranger' }),
  'request of another client': async (side) => (await good(side, 'par', { by: 'other' })).request_uri!,
  'used request': async (side) => {
    const { request_uri } = await good(side, 'par', {});
    await approve(side, addressOf(side, { client_id: side.ids.app, request_uri: request_uri! }));
    return request_uri!;
  },
  'id of another client': (side) => Promise.resolve(side.ids.other),
  'id of the agent': (side) => Promise.resolve(side.ids.agent),
  'key of somebody else': (side) => Promise.resolve(side.keys.stranger.jkt),
  secret: ({ ids }) => Promise.resolve(`Basic ${Buffer.from(`${ids.agent}:${CANARY}`).toString('base64')}`),
  executor: ({ exchange }) => Promise.resolve(exchange?.executor ?? 'https://executor.example'),
  here: (side) => Promise.resolve(side.issuer),
};

/** A text with what stands in braces made at this side. */
export async function fill(side: Side, text: string): Promise<string> {
  const [, name] = /^\{(.+)\}$/.exec(text) ?? [];
  if (name === undefined) return text;
  const make = MADE[name];
  if (make === undefined) throw new Error(`Nothing is made for {${name}}.`);
  return make(side);
}

/** Sends the request of a base with a change, and gives the (second, for `again`) answer. */
export async function ask(side: Side, base: Base, change: Change): Promise<Got> {
  const { by, form, proof } = GOOD[base];
  const who = change.by ?? by;
  const parameters: [string, string][] = [];
  const key = who === 'app' || who === 'other' || who === 'revoked' ? undefined : side.keys[who];
  const isQuery = base === 'authorize';
  const authentication = {
    client_id: side.ids[who],
    ...(key === undefined || isQuery ? {} : await authenticate(side, who, key, change)),
  };
  const call =
    base === 'exchange' ? await makeCall(side, await fill(side, change.subject?.from ?? '{access}'), change) : {};
  const merged: Form = { ...authentication, ...form, ...call, ...change.form };
  for (const [name, value] of Object.entries(merged))
    for (const each of value === null ? [] : [value].flat()) parameters.push([name, await fill(side, each)]);
  const url = new URL(side.paths[base], side.issuer);
  const method = change.method ?? (isQuery ? 'GET' : 'POST');
  const encoded = change.body ?? new URLSearchParams(parameters).toString();
  if (method === 'GET') url.search = encoded;
  const headers: Record<string, string | string[]> = { accept: isQuery ? 'text/html' : 'application/json' };
  if (method !== 'GET') headers['content-type'] = change.type ?? 'application/x-www-form-urlencoded';
  const dpop = await proofs(side, url, key, proof, change);
  if (dpop.length > 0) headers.dpop = dpop;
  for (const [name, value] of Object.entries(change.headers ?? {})) headers[name] = await fill(side, value);
  const changed = new Set(Object.keys(change.form ?? {}));
  const sent = parameters.filter(([name, value]) => changed.has(name) && value.length >= 12).map(([, value]) => value);
  const send = () => transmit(url, method, headers, method === 'GET' ? '' : encoded);
  if (change.again === true) await send();
  return { ...(await send()), sent };
}

async function authenticate(side: Side, who: Who, key: Key, { assertion }: Change): Promise<Form> {
  if (assertion === 'none') return {};
  const id = side.ids[who];
  const claims = { iss: id, sub: id, aud: side.issuer, iat: now(), exp: now() + 60, jti: randomUUID() };
  const base = { key, header: { alg: 'ES256', typ: 'JWT' }, claims };
  const change = { ...assertion, claims: await filled(side, assertion?.claims) };
  return {
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await makeJwt(base, change, side.keys.stranger),
  };
}

async function proofs(side: Side, url: URL, own: Key | undefined, isGood: boolean, change: Change): Promise<string[]> {
  const { proof } = change;
  if (proof === 'none' || (proof === undefined && !isGood)) return [];
  const key = proof === 'by another key' ? side.keys.stranger : (own ?? side.keys.device);
  const claims = { htm: 'POST', htu: `${url.origin}${url.pathname}`, iat: now(), jti: randomUUID() };
  const base = { key, header: { alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk }, claims };
  const made = typeof proof === 'object' ? proof : {};
  const one = () => makeJwt({ ...base, claims: { ...claims, jti: randomUUID() } }, made, side.keys.stranger);
  return proof === 'twice' ? [await one(), await one()] : [await one()];
}

async function filled(side: Side, claims: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
  const pairs = Object.entries(claims).map(
    async ([name, value]) => [name, typeof value === 'string' ? await fill(side, value) : value] as const,
  );
  return Object.fromEntries(await Promise.all(pairs));
}

/** A request that has to be answered with what was asked for. @throws Error with the answer, where it was not */
async function good(side: Side, base: Base, change: Change): Promise<Readonly<Record<string, string | undefined>>> {
  const { status, text } = await ask(side, base, change);
  if (status >= 300) throw new Error(`${side.name} refuses a good request (${base}): ${status} ${text}`);
  return JSON.parse(text) as Record<string, string>;
}

function sayWorkload({ issuer, keys }: Side, change: JwtChange): Promise<string> {
  const claims = { ...PLATFORM, aud: issuer, iat: now(), exp: now() + 60, jti: randomUUID() };
  const header = { alg: 'ES256', kid: 'platform', typ: 'JWT' };
  return makeJwt({ key: keys.platform, header, claims }, change, keys.stranger);
}

async function newCode(side: Side, more: Readonly<Record<string, string>>, by: Who = 'app'): Promise<string> {
  const back = await approve(side, addressOf(side, { ...ASKED, client_id: side.ids[by], ...more }));
  const code = back.searchParams.get('code');
  if (code === null) throw new Error(`${side.name} gives no code: ${back.href}`);
  return code;
}

function addressOf({ issuer, paths }: Side, parameters: Readonly<Record<string, string>>): URL {
  return new URL(`${paths.authorize}?${new URLSearchParams(parameters).toString()}`, issuer);
}

/** By Node's own client, which sends a header twice where it is given twice. */
function transmit(
  url: URL,
  method: string,
  headers: Readonly<Record<string, string | string[]>>,
  body: string,
): Promise<Omit<Got, 'sent'>> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const { statusCode = 0, headers: answered } = incoming;
        resolve({ status: statusCode, headers: answered, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    outgoing.on('error', reject).end(body);
  });
}
