/**
 * A credential that is exchanged for a token before the call (§2.6): which token goes in its place, and which version of the
 * connection the call is of then.
 */
import { pinsFor, type TokenScheme } from '@dauth/protocol';
import type { OpeningKey, openEnvelope } from './open.ts';
import type { Refreshes } from './refresh/refreshes.ts';
import type { SealedUse } from './refresh/version.ts';
import type { KeptToken } from './secret/kept-token.ts';
import type { UpstreamRequest } from './wire/call.ts';
import type { Tokens } from './wire/tokens.ts';
import type { Upstream } from './wire/upstream.ts';

export interface ExchangeDeps {
  readonly tokens: Pick<Tokens, 'take' | 'forget'>;
  readonly refreshes: Pick<Refreshes, 'take' | 'forget'>;
  readonly open: typeof openEnvelope;
}

/** What an exchange makes of a call, and what is done where the upstream does not take its token. */
interface Exchanged {
  readonly call: Partial<Pick<UpstreamRequest, 'token' | 'connection' | 'open' | 'former'>>;
  readonly forget: () => void;
}

/** A token in the credential's place, where a scheme says so: a kept one, or one that is asked for now. */
export async function exchange(
  common: Pick<UpstreamRequest, 'connection' | 'injections' | 'open' | 'beforeSend' | 'signal' | 'timeoutMs'>,
  of: {
    readonly sealed: SealedUse;
    readonly key: OpeningKey;
    readonly scheme: TokenScheme | undefined;
    /** Of each endpoint of the scheme, in their order. */
    readonly addresses: readonly Awaited<ReturnType<Upstream['check']>>[];
  },
  deps: ExchangeDeps,
): Promise<Exchanged> {
  const { scheme, key, sealed } = of;
  const [address, idp] = of.addresses;
  if (scheme === undefined || address === undefined) return { call: {}, forget: () => undefined };
  if (scheme.scheme !== 'oauth2') {
    const policy = sealed.envelope.header.dauth;
    const pinned = (to: typeof address) => ({ address: to, pins: pinsFor(policy, to.origin) });
    const before = idp === undefined ? {} : { idp: pinned(idp) };
    const token = await deps.tokens.take({ ...common, owner: policy.owner, scheme, ...pinned(address), ...before });
    return { call: { token }, forget: () => deps.tokens.forget(common.connection, token) };
  }
  const { handle } = common.connection;
  const taken = await deps.refreshes.take({ ...common, scheme, address, key, sealed });
  const forget = (): void => deps.refreshes.forget(handle, taken.token);
  return { call: refreshed(taken, common, key, deps), forget };
}

/** The version whose refresh token was given with the access token is used from here on; answers are searched for both. */
function refreshed(
  { token, sealed: { envelope, use } }: { readonly token: KeptToken; readonly sealed: SealedUse },
  { connection, open }: Pick<UpstreamRequest, 'connection' | 'open'>,
  key: OpeningKey,
  deps: ExchangeDeps,
): Exchanged['call'] {
  if (use.ver === connection.ver) return { token };
  return {
    token,
    connection: { handle: connection.handle, ver: use.ver },
    open: () => deps.open(envelope, key),
    former: open,
  };
}
