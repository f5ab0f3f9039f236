/**
 * From a proven assertion to a token: grant, scopes, details and lifetime, the same for every profile.
 * Never more than the assertion, the request and the server's registration say together, and never longer than any of them.
 */
import type { VerifiedProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import type { Subject } from '../intake.ts';
import type { Grant } from '../store/grants.ts';
import type { Client, Server } from '../store/registry.ts';
import { AssertionRefused } from './assertion.ts';
import { settleDetails, type Asked } from './details.ts';
import { OAuthError } from './errors.ts';
import { issueToken, type Issue, type TokenAnswer } from './issue.ts';
import { MAX_SCOPES } from './offered.ts';

export interface Federated {
  readonly client: Client;
  readonly subject: Subject;
  readonly server: Server;
  readonly proof: VerifiedProof;
  readonly scope: readonly string[];
  readonly asked: Asked;
  /** Of a person only; a workload is nobody. */
  readonly profile?: Issue['profile'];
  /** When the assertion ends, in Unix seconds. */
  readonly exp: number;
}

/**
 * Issues what was asked for.
 * @param consume records assertion and proof, each once; whatever is refused later, nothing of it happened
 * @param narrow looks at the details before they are signed
 */
export async function issueFederated(
  authority: Authority,
  { client, subject, server, proof, scope, asked, profile = {}, exp }: Federated,
  consume: () => void,
  narrow: (details: TokenAnswer['authorization_details']) => void = () => undefined,
): Promise<TokenAnswer> {
  const { store, config, now } = authority;
  const { resource } = server;
  // Waited for out here: within the transaction nothing of another request comes in between.
  const directory = asked.credentials.length === 0 ? undefined : await authority.directory.directory();
  return store.grouped(() => {
    if (exp <= now()) throw new AssertionRefused('time');
    consume();
    const grant = standingGrant(authority, client, subject, resource);
    const settling = { asked, client, subject, resource, jkt: proof.jkt, directory };
    const { details, stored } = settleDetails(authority, settling);
    narrow(details);
    for (const handle of stored) {
      const actor = client.client_id;
      store.audit.note({ time: now(), actor, asOperator: false, action: 'connection.create', subject: handle });
      authority.log({ event: 'connection.create', client_id: actor, handle, inline: true });
    }
    return issueToken(authority, {
      ...{ sub: subject.sub, org: subject.org, aud: resource, client_id: client.client_id, scope },
      ...{ grant_id: grant.id, jkt: proof.jkt, details, profile },
      exp: Math.min(now() + config.lifetimes.accessToken, exp, grant.expires_at ?? Number.MAX_SAFE_INTEGER),
    });
  });
}

/** The registered server a token is for, of the client's own organisation. @throws OAuthError `invalid_target` */
export function serverFor({ store }: Authority, client: Client, resource: string): Server {
  const server = store.registry.server(resource);
  if (server === undefined || server.org !== client.org)
    throw new OAuthError('invalid_target', 'The resource is not a registered MCP server.');
  return server;
}

/**
 * What is asked for, as far as everybody who has a say allows it; without a word, all of that.
 * @param offered what there is to have at the server
 */
export function meetScopes(
  client: Client,
  offered: readonly string[],
  allowed: readonly string[],
  asked: string | undefined,
): readonly string[] {
  const wanted = asked === undefined ? allowed : asked.split(' ');
  const isGiven = (scope: string) =>
    allowed.includes(scope) && offered.includes(scope) && (client.scopes?.includes(scope) ?? true);
  const given = [...new Set(wanted)].filter(isGiven);
  if (given.length > MAX_SCOPES)
    throw new OAuthError('invalid_scope', `A token has at most ${MAX_SCOPES} scopes; ask for fewer.`);
  return given;
}

/** One row stands behind all tokens of a client for an owner at a server, so that revoking it ends them all. */
function standingGrant(authority: Authority, client: Client, subject: Subject, resource: string): Grant {
  const { grants, changes } = authority.store;
  const { client_id } = client;
  const by = { owner: subject.sub, org: subject.org, client_id, resource, kind: 'client' } as const;
  const known = grants.find(by, authority.now());
  // What was revoked does not come back by asking again.
  if (known === undefined && grants.had(by)) throw revoked();
  const open = { scopes: null, details: null, expires_at: null };
  const grant = known ?? { ...by, ...open, id: authority.newId(), created_at: authority.now() };
  const ids = { grant: grant.id, client: client_id, server: resource, owner: subject.sub, org: subject.org };
  if (changes.isAnyRevoked(ids)) throw revoked();
  if (known === undefined) grants.add(grant);
  return grant;
}

function revoked(): OAuthError {
  return new OAuthError('invalid_grant', 'This access was revoked.');
}
