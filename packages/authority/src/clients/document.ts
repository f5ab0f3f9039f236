/**
 * Clients whose id is the URL of a document about them (draft-ietf-oauth-client-id-metadata-document). Anybody can publish
 * one, so it is fetched with care and believed for what it says of itself. Never used past its time: where it cannot be had
 * again, its client is as unknown as one that never was.
 */
import { DAuthError, refuse, text, type JsonObject } from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { OutsideError } from '../outside/fault.ts';
import { CLIENT_DEFAULTS, type Client } from '../store/registry.ts';
import { parseOwnMetadata } from './metadata.ts';

/** Characters of an id: it stands in every token of the client. */
const MAX_ID = 512;
/** Documents that are remembered as clients; past it those that were unused longest go. */
const MAX_CLIENTS = 10_000;

/**
 * A client by its id, whoever registered it: what every endpoint that is told a `client_id` asks first.
 * @param address of whoever names it, for limits
 */
export async function resolveClient(
  authority: Authority,
  clientId: string,
  address: string,
): Promise<Client | undefined> {
  if (!/^https?:/.test(clientId)) return authority.store.registry.client(clientId);
  if (!isDocumentId(authority, clientId)) return undefined;
  try {
    return await readClient(authority, clientId, address);
  } catch (error) {
    if (!(error instanceof OutsideError || error instanceof DAuthError)) throw error;
    const why = error instanceof OutsideError ? { fault: error.fault } : { fault: 'form', why: error.message };
    authority.log({ event: 'client_document', host: new URL(clientId).host, ...why });
    return undefined;
  }
}

/**
 * §3: https with a path, in the one spelling that every parser gives back, on a host that is wanted here. A user in it, an
 * address or a name inside is refused where it would be fetched.
 */
function isDocumentId({ config }: Authority, id: string): boolean {
  const { documents, documentHosts } = config.clients;
  if (!documents || id.length > MAX_ID || !URL.canParse(id)) return false;
  const url = new URL(id);
  const isHttps = url.protocol === 'https:' || config.outside.dangerouslyAllowLoopback;
  const isPlain = url.href === id && url.pathname !== '/' && !/[?#]/.test(id);
  return isHttps && isPlain && (documentHosts === undefined || documentHosts.includes(url.host));
}

/** @throws OutsideError, DAuthError */
async function readClient(authority: Authority, id: string, address: string): Promise<Client> {
  const { outside, store, now } = authority;
  const known = store.registry.client(id);
  // Nobody here ever used it: strangers must not make us look at one place after the other.
  if (known === undefined && !outside.newcomers.take(now(), address)) throw new OutsideError('busy');
  const document = await outside.clients.get(id);
  const client = parseDocument(authority, id, document, await fetchKeys(authority, id, document));
  const made = { ...client, created_at: known?.created_at ?? now() };
  if (asText(made) !== asText(known)) store.transaction(() => keep(authority, made));
  return made;
}

/** Keys behind `jwks_uri`, on the document's own origin: elsewhere they would be somebody else's to change. */
async function fetchKeys({ outside }: Authority, id: string, { jwks, jwks_uri: uri }: JsonObject): Promise<unknown> {
  if (uri === undefined) return undefined;
  if (jwks !== undefined) refuse('A client document has "jwks" or "jwks_uri", not both.');
  const isOwn = typeof uri === 'string' && URL.canParse(uri) && new URL(uri).origin === new URL(id).origin;
  if (!isOwn) refuse('"jwks_uri" must be on the origin of the client document.');
  return outside.clients.get(uri);
}

function parseDocument({ config }: Authority, id: string, document: JsonObject, keys: unknown): Client {
  // Compared as text (§4.1): whoever can put a file somewhere is the client of that place and of no other.
  if (document.client_id !== id) refuse('The "client_id" of a client document must be its URL.');
  if (document.client_secret !== undefined) refuse('A client document is public; a secret in it is none.');
  const metadata = parseOwnMetadata(document, keys);
  const { host } = new URL(id);
  return {
    ...{
      client_id: id,
      name: document.client_name === undefined ? host : text(document.client_name, '"client_name"', 128),
    },
    ...{ ...CLIENT_DEFAULTS, ...metadata, jkt: metadata.jwk === null ? null : thumbprint(metadata.jwk) },
    ...{ owner: null, org: config.org, scopes: null, source: 'document', created_at: 0 },
  };
}

/** A client as one text, in whatever order its members came. */
function asText(client: Client | undefined): string {
  return JSON.stringify(Object.entries(client ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A row for what grants name; it is not where the client is looked up. */
function keep({ store, now }: Authority, client: Client): void {
  // Not used yet: what strangers name goes first, and what a person said yes to stays.
  store.registry.putClient(client);
  store.registry.dropUnused(now());
  store.registry.dropDocumentsBeyond(MAX_CLIENTS);
}
