/**
 * `POST /revoke` (RFC 7009): a client gives back what was issued to it. Never tells whether a token exists: unknown,
 * another client's, ended and made up are the same empty 200 (§2.2).
 */
import { LIMITS, type Revocable } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { authenticateClient, consumeOnce } from './client-auth.ts';
import { OAuthError } from './errors.ts';
import { need, readForm } from './form.ts';
import { readIssued } from './issued.ts';
import { oauthProblem } from './problem.ts';
import { findFamily } from './refresh.ts';

/** What revoking a token takes away. */
interface Revocation {
  readonly what: Revocable;
  readonly id: string;
}

/** One kind of token a client may hold; each is tried, whatever the hint says (RFC 7009 §2.1). */
interface TokenKind {
  readonly hint: string;
  /** `undefined` where the token is none of this kind, not this client's, or past all use. */
  find(authority: Authority, client: Client, token: string): Revocation | undefined;
}

/** A long call may still be exchanged after its token ended (spec/dauth.md §4), so for as long it can be revoked. */
const AFTER_END = LIMITS.callWindowSeconds + LIMITS.clockLeewaySeconds;

const ACCESS_TOKEN: TokenKind = {
  hint: 'access_token',
  find(authority, client, token) {
    const claims = readIssued(authority, token);
    const isTheirs = claims?.client_id === client.client_id && claims.exp + AFTER_END > authority.now();
    return isTheirs ? { what: 'token', id: claims.jti } : undefined;
  },
};

/** With it goes all that came of the same grant (§2.1): every device of the person's that uses the app. */
const REFRESH_TOKEN: TokenKind = {
  hint: 'refresh_token',
  find(authority, client, token) {
    const family = findFamily(authority, token);
    const isTheirs = family?.client_id === client.client_id && family.expires_at > authority.now();
    return isTheirs ? { what: 'grant', id: family.grant_id } : undefined;
  },
};

const TOKEN_KINDS: readonly TokenKind[] = [ACCESS_TOKEN, REFRESH_TOKEN];

export function revocationEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, now, log } = authority;
  app.post('/revoke', async (c) => {
    try {
      const form = await readForm(c);
      const token = need(form, 'token');
      const by = await authenticateClient(authority, c, form, '/revoke');
      const hint = form.token_type_hint;
      if (hint !== undefined && !TOKEN_KINDS.some((kind) => kind.hint === hint))
        throw new OAuthError('unsupported_token_type', 'Tokens of that type are not revoked here.');
      const { client_id } = by.client;
      store.transaction(() => {
        consumeOnce(authority, by);
        for (const kind of TOKEN_KINDS) {
          const found = kind.find(authority, by.client, token);
          if (found === undefined || store.changes.isRevoked(found.what, found.id)) continue;
          const action = `${found.what}.revoke`;
          store.changes.revoke(found.what, found.id, now());
          if (found.what === 'grant') store.refresh.end(found.id);
          store.audit.note({ time: now(), actor: client_id, asOperator: false, action, subject: found.id });
          log({ event: action, client_id, subject: found.id, request_id: c.get('requestId') });
        }
      });
      return c.body(null, 200);
    } catch (error) {
      return oauthProblem(authority, c, error, 'revocation_refused');
    }
  });
}
