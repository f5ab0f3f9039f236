/** Issuers outside, played: their documents behind a dialler without a socket, and the assertions they sign. */
import { randomUUID } from 'node:crypto';
import type { Answer, Dial } from '../outside/dial.ts';
import { makeSigner, type Signer } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  ISSUER,
  makeWorld,
  MCP,
  START,
  type Party,
  type World,
} from '../world.test-support.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const IDP = 'https://idp.example';
export const PLATFORM = 'https://k8s.example/cluster';
export const SUBJECT = 'system:serviceaccount:prod:agent';
export const REFUSED = "The assertion is not one that this authority takes. The authority's log says why.";

/** Documents by URL; a test changes them. What is not here is 404. */
export type Documents = Map<string, () => object | Partial<Answer>>;

export interface Federation {
  readonly world: World;
  readonly client: Party;
  /** Key of both issuers. */
  readonly idp: Signer;
  readonly documents: Documents;
  /** URLs that were fetched, in order. */
  readonly fetched: string[];
  /** Asks with an ID-JAG; `claims` and `header` change what the issuer says, `form` the request. */
  askIdJag(claims?: object, form?: Form, header?: object, party?: Party): Promise<Response>;
  /** Asks with a workload's assertion; no client authenticates itself, but by `headers` of the request. */
  askWorkload(claims?: object, form?: Form, header?: object, key?: Signer, headers?: Headers): Promise<Response>;
  idJag(claims?: object, header?: object, party?: Party): string;
  workload(claims?: object, header?: object): string;
}

export type Form = Readonly<Record<string, string | undefined>>;
type Headers = Readonly<Record<string, string>>;

export function keySet(keys: Readonly<Record<string, object>>): object {
  return { keys: Object.entries(keys).map(([kid, jwk]) => ({ ...jwk, kid, use: 'sig' })) };
}

/** An authority that trusts one identity provider and one platform. `change` is put into each of their entries. */
export async function makeFederation(
  change: { readonly idp?: object; readonly platform?: object; readonly rules?: readonly object[] } = {},
): Promise<Federation> {
  const idp = makeSigner();
  const documents: Documents = new Map();
  const fetched: string[] = [];
  for (const issuer of [IDP, PLATFORM]) {
    const metadata = { issuer, jwks_uri: `${issuer}/keys` };
    documents.set(`${issuer}/.well-known/openid-configuration`, () => metadata);
    documents.set(`${issuer}/keys`, () => keySet({ one: idp.jwk }));
  }
  // The platform's rules name its client, so the client is registered with the same database first.
  const rules: object[] = [];
  const config = {
    trustedIssuers: [
      { issuer: IDP, profile: 'id-jag', ownerPrefix: 'acme:', ...change.idp },
      { issuer: PLATFORM, profile: 'workload', rules: [placeholder()], ...change.platform },
    ],
  };
  const world = await makeWorld({ config, dial: dialFrom(documents, fetched) });
  await addServer(world);
  const client = await addClient(world, { grants: ['client_credentials', JWT_BEARER] });
  rules.push(...(change.rules ?? [{}]).map((rule) => ({ ...placeholder(), client: client.id, ...rule })));
  const entry = world.config.trustedIssuers.find((each) => each.profile === 'workload')!;
  entry.rules.splice(0, entry.rules.length, ...(rules as typeof entry.rules));

  const idJag: Federation['idJag'] = (claims = {}, header = {}, party = client) =>
    idp.jws(
      { typ: 'oauth-id-jag+jwt', kid: 'one', ...header },
      {
        ...{ iss: IDP, sub: 'ada', aud: ISSUER, client_id: party.id, resource: MCP, scope: 'mcp:read mcp:write' },
        ...{ iat: world.clock.now, exp: world.clock.now + 300, jti: randomUUID(), ...claims },
      },
    );
  const workload: Federation['workload'] = (claims = {}, header = {}) =>
    idp.jws(
      { kid: 'one', ...header },
      { ...{ iss: PLATFORM, sub: SUBJECT, aud: [ISSUER], iat: START, exp: START + 3_600 }, ...claims },
    );
  return {
    ...{ world, client, idp, documents, fetched, idJag, workload },
    askIdJag: (claims, form = {}, header = {}, party = client) =>
      askToken(world, party, { grant_type: JWT_BEARER, assertion: idJag(claims, header, party), ...form }),
    askWorkload: (claims, form = {}, header = {}, key = client.key, headers = {}) =>
      askToken(
        world,
        { id: 'nobody', key },
        {
          ...{ grant_type: JWT_BEARER, client_assertion: undefined, client_assertion_type: undefined },
          ...{ assertion: workload(claims, header), resource: MCP, ...form },
        },
        headers,
      ),
  };
}

function placeholder(): object {
  return { subject: SUBJECT, client: 'not yet', claims: {}, resources: [MCP], scopes: ['mcp:read'] };
}

function dialFrom(documents: Documents, fetched: string[]): Dial {
  return async (url) => {
    fetched.push(url.href);
    const document = documents.get(url.href)?.();
    const text = JSON.stringify(document ?? {});
    return {
      ...{ status: document === undefined ? 404 : 200, contentType: 'application/json', contentEncoding: undefined },
      ...{ cacheControl: 'max-age=120', body: body(text) },
      ...(document !== undefined && 'status' in document ? document : {}),
    };
  };
}

async function* body(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
