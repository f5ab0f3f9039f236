/**
 * The scheme `id_jag` (§2.6, draft-ietf-oauth-identity-assertion-authz-grant): what an identity provider knows somebody by,
 * exchanged there for an ID-JAG, and that at the server of an API for a token. Never holds a value and never asks.
 */
import {
  parseProvenClient,
  PROOF_MEMBERS,
  proofKeys,
  proofOf,
  proofTemplates,
  type ProvenClient,
} from './client-auth.ts';
import { mayNameOneServer } from './server-names.ts';
import { exactObject, refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';
import { parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';
import { parseTokenType, type TokenExchange } from './token-exchange.ts';
import { parseWishes, visible, WISHES, type Wishes } from './wishes.ts';

/** The identity provider: where it is asked, by whom, and for whom. */
export type IdentityProvider = ProvenClient & {
  readonly endpoint: TokenEndpoint;
  readonly subject_token: Template;
  readonly subject_token_type: string;
};

/** The token goes into the request as `Authorization: Bearer …`. `endpoint` and the client are of the API's server. */
export type IdJag = ProvenClient &
  Wishes & {
    readonly scheme: 'id_jag';
    readonly endpoint: TokenEndpoint;
    /** The issuer of the API's server. */
    readonly audience: string;
    readonly idp: IdentityProvider;
  };

/** What the identity provider is asked for, and says that it gives (§3 of the draft). */
export const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';

const CLIENT = ['client_id', ...PROOF_MEMBERS];

/** @throws DAuthError `INVALID_REQUEST` */
export function parseIdJag(value: unknown): IdJag {
  const required = ['scheme', 'endpoint', 'client_id', 'audience', 'idp'];
  const said = exactObject(value, 'A token scheme', required, [...CLIENT, ...WISHES]);
  const endpoint = parseTokenEndpoint(said.endpoint);
  const idp = parseIdentityProvider(said.idp);
  const client = parseProvenClient(said, endpoint, []);
  const audience = visible(said.audience, '"audience"');
  assertKeysAlone(client, idp);
  assertAssertionsApart({ ...client, endpoint, audience }, idp);
  return Object.freeze({ scheme: 'id_jag', endpoint, ...client, ...parseWishes(said), audience, idp });
}

function parseIdentityProvider(value: unknown): IdentityProvider {
  const required = ['endpoint', 'client_id', 'subject_token', 'subject_token_type'];
  const said = exactObject(value, '"idp"', required, CLIENT);
  const endpoint = parseTokenEndpoint(said.endpoint);
  const subject_token = parseTemplate(said.subject_token, true);
  return Object.freeze({
    endpoint,
    ...parseProvenClient(said, endpoint, [subject_token]),
    subject_token,
    subject_token_type: parseTokenType(said.subject_token_type, '"subject_token_type"'),
  });
}

/** Neither side is shown the other's key. One key for both is fine: it is shown to nobody. */
function assertKeysAlone(client: ProvenClient, idp: IdentityProvider): void {
  const shown = namedFields([...clientTemplates(client), ...clientTemplates(idp), idp.subject_token]);
  if ([...proofKeys(client), ...proofKeys(idp)].some((field) => shown.includes(field)))
    refuse('The field of "private_key" is named nowhere else: a key is shown to nobody.');
}

/**
 * RFC 7523 §3: an assertion names the server it is for, and these are two ("Cross-Domain Use" in the draft: an identity provider
 * gives no token for an ID-JAG of its own). With one key for both, an assertion that names the other server lets the one that is
 * shown it be the client there, for the minute that it is good. Under two keys it is good at one of them, whatever it names.
 */
function assertAssertionsApart(api: ProvenClient & Pick<IdJag, 'endpoint' | 'audience'>, idp: IdentityProvider): void {
  if (api.auth !== 'private_key_jwt' || idp.auth !== 'private_key_jwt') return;
  if (!proofKeys(api).some((field) => proofKeys(idp).includes(field))) return;
  // What a field holds is known to nobody before it is opened, and whoever opens it has signed by then.
  if (namedFields([api.aud, idp.aud]).length > 0)
    refuse('One key is for both servers: "aud" of each is fixed text, so that it can be seen whom it names.');
  const named = [
    [api.aud, idp.aud],
    [api.aud, idp.endpoint],
    [idp.aud, api.endpoint],
    [idp.aud, api.audience],
  ] as const;
  if (named.some(([one, other]) => mayNameOneServer(one, other)))
    refuse('One key is for both servers: "aud" of each has to name that server alone, as by its issuer.');
}

function clientTemplates(client: ProvenClient): readonly Template[] {
  return [client.client_id, ...proofTemplates(proofOf(client))];
}

/** The templates whose values one of the two is shown. */
export function idJagTemplates(scheme: IdJag): readonly Template[] {
  const { idp } = scheme;
  return [...clientTemplates(scheme), ...clientTemplates(idp), idp.subject_token];
}

/** What the identity provider is asked with: a token exchange (§4.3 of the draft). */
export function idJagRequest({ idp, audience, scope, resource }: IdJag): TokenExchange {
  return {
    ...{ scheme: 'token_exchange', requested_token_type: ID_JAG, audience, ...idp },
    ...(scope === undefined ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
  };
}
