/**
 * `--oauth`: a person says yes at the provider of an API, and what comes back is sealed by the same command (docs/exchange.md).
 * Never opens a browser by itself, and never prints what came back.
 */
import { RemoteError, startConnectFlow, type ConnectFlow, type InjectionInput } from '@dauth/client';
import { DAuthError, exactObject, isObject, text } from '@dauth/protocol';
import { listenForCallback, type Callback } from './callback.ts';
import { CliError, EXIT, givenJson, ofProvider, print, say, usage } from './output.ts';
import { boundedFetch, timeoutMs, type GlobalFlags } from './reach.ts';

export interface ConsentFlags extends GlobalFlags {
  readonly oauth?: string;
  readonly inject?: readonly string[];
  readonly field?: readonly string[];
  readonly capture?: string;
  readonly fromEnv?: string;
  readonly fromFile?: string;
}

/** What `--oauth` says, by its own names. */
interface Stated {
  readonly issuer?: string;
  readonly endpoints?: { readonly authorization: string; readonly token: string };
  readonly client_id: string;
  readonly redirect_uri?: string;
  readonly auth: 'none' | 'client_secret_basic' | 'client_secret_post';
  readonly scope?: string;
  readonly resource?: readonly string[];
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Consent extends AsyncDisposable {
  /** The scheme to seal, as `--inject` takes it. */
  readonly inject: string;
  /** Fields that are read as a credential is: the client's secret, where it has one. */
  readonly fields: readonly string[];
  /** Shows where to say yes, waits, and gives the field `grant`. */
  grant(): Promise<Uint8Array>;
}

/** The field of what came back, and of the client's secret. */
export const GRANT_FIELD = 'grant';
const SECRET_FIELD = 'client_secret';
const LOOPBACK = 'http://127.0.0.1:0/callback';
/** How long a person may take. */
const PATIENCE_MS = 600_000;
const AUTHS = ['none', 'client_secret_basic', 'client_secret_post'] as const;

/**
 * Listens, and knows where to send the person.
 * @param kept where the credential goes in a policy that is kept
 */
export async function openConsent(flags: ConsentFlags, kept?: readonly InjectionInput[]): Promise<Consent> {
  if (flags.inject !== undefined || flags.field !== undefined)
    throw usage('--oauth says where the credential goes and which fields it has: leave --inject and --field out.');
  if (flags.capture !== undefined)
    throw usage('--oauth and --capture exclude each other: a person is asked, or a login is answered.');
  const stated = givenJson('--oauth', flags.oauth!, parseStated);
  if (stated.auth === 'none' && (flags.fromEnv ?? flags.fromFile) !== undefined)
    throw usage('A public client has no secret to read.', 'Give "auth" in --oauth where the client has one.');
  const sealed = kept === undefined ? undefined : sealedScheme(kept, stated);
  const callback = await listenForCallback(sealed?.redirect_uri ?? stated.redirect_uri ?? LOOPBACK);
  try {
    const { client_id: clientId, redirect_uri: _, auth, ...rest } = stated;
    const send = boundedFetch(timeoutMs(flags));
    const flow = await startConnectFlow({ ...rest, clientId, redirectUri: callback.uri, fetch: send });
    if (sealed !== undefined && sealed.endpoint !== flow.tokenEndpoint) throw otherScheme();
    const scheme = {
      ...{ scheme: 'oauth2', endpoint: flow.tokenEndpoint, client_id: clientId, redirect_uri: callback.uri },
      ...{ refresh_token: `{${GRANT_FIELD}}`, auth },
      ...(auth === 'none' ? {} : { client_secret: `{${SECRET_FIELD}}` }),
      ...(stated.resource === undefined ? {} : { resource: stated.resource }),
    };
    return {
      inject: JSON.stringify(scheme),
      fields: auth === 'none' ? [] : [SECRET_FIELD],
      grant: () => ask(flow, callback, flags.json === true),
      [Symbol.asyncDispose]: () => callback[Symbol.asyncDispose](),
    };
  } catch (error) {
    await callback[Symbol.asyncDispose]();
    throw ofProvider(error);
  }
}

function parseStated(value: unknown): Stated {
  const said = exactObject(
    value,
    'What is asked for',
    ['client_id'],
    ['issuer', 'authorization_endpoint', 'token_endpoint', 'redirect_uri', 'auth', 'scope', 'resource', 'parameters'],
  );
  const word = (name: string): string => text(said[name], `"${name}"`, 1_024);
  const optional = (name: string) => (said[name] === undefined ? {} : { [name]: word(name) });
  const [auth] = AUTHS.filter((one) => one === (said.auth ?? 'none'));
  const { resource, parameters, authorization_endpoint: authorization, token_endpoint: token } = said;
  const isList =
    resource === undefined || (Array.isArray(resource) && resource.every((one) => typeof one === 'string'));
  const isWords = parameters === undefined || (isObject(parameters) && Object.values(parameters).every(isText));
  if (auth === undefined || !isList || !isWords)
    throw new DAuthError(
      'INVALID_REQUEST',
      '"auth" is "none", "client_secret_basic" or "client_secret_post", "resource" a list, and "parameters" an object of texts.',
    );
  if ((authorization === undefined) !== (token === undefined) || (authorization ?? said.issuer) === undefined)
    throw new DAuthError(
      'INVALID_REQUEST',
      'It needs "issuer", or both "authorization_endpoint" and "token_endpoint".',
    );
  return {
    ...{ client_id: word('client_id'), auth, ...optional('issuer'), ...optional('redirect_uri'), ...optional('scope') },
    ...(authorization === undefined
      ? {}
      : { endpoints: { authorization: word('authorization_endpoint'), token: word('token_endpoint') } }),
    ...(resource === undefined ? {} : { resource: resource as readonly string[] }),
    ...(parameters === undefined ? {} : { parameters: parameters as Readonly<Record<string, string>> }),
  };
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/** A policy that is kept says where the code is redeemed, by whom, and where a browser comes back to. */
function sealedScheme(
  kept: readonly InjectionInput[],
  { client_id: id, auth }: Stated,
): { readonly endpoint: string; readonly redirect_uri: string } {
  for (const slot of kept) {
    if (!('scheme' in slot) || slot.scheme !== 'oauth2' || slot.redirect_uri === undefined) continue;
    const { endpoint, redirect_uri } = slot;
    if (slot.client_id === id && (slot.auth ?? 'none') === auth) return { endpoint, redirect_uri };
  }
  throw otherScheme();
}

function otherScheme(): CliError {
  return usage(
    'The connection was sealed for another client or token endpoint, or without a person who was asked.',
    'Give the whole policy: --name, --origin, --server and what goes with them.',
  );
}

async function ask(flow: ConnectFlow, callback: Callback, json: boolean): Promise<Uint8Array> {
  if (json) print(true, { event: 'consent', url: flow.url, redirect_uri: callback.uri }, String);
  else {
    say('To connect, open this page in a browser on this machine and say yes:');
    say(`  ${flow.url}`);
    say(`Waiting for your answer there, for at most ${PATIENCE_MS / 60_000} minutes. Ctrl-C ends it.`);
  }
  return callback.wait((address) => {
    try {
      return flow.finish(address);
    } catch (error) {
      if (error instanceof RemoteError)
        throw new CliError(
          EXIT.denied,
          'NOT_AGREED',
          `${error.publicMessage} Nothing was sealed or sent.`,
          'Is the app registered with this redirect URI and scope?',
        );
      return undefined;
    }
  }, PATIENCE_MS);
}
