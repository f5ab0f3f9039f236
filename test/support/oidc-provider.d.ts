/** The part of `oidc-provider` that the tests use; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  interface Interaction {
    readonly prompt: { readonly name: string };
    readonly params: { readonly client_id: string };
  }

  interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export const errors: {
    readonly InvalidTarget: new () => Error;
    readonly InvalidGrant: new (detail: string) => Error;
  };

  /** What a grant type of one's own is given of a request. */
  interface GrantContext {
    readonly oidc: {
      readonly client: { readonly clientId: string };
      readonly params: Readonly<Record<string, string>>;
    };
    body: object;
  }

  /** What a token endpoint was sent. */
  type Body = Readonly<Partial<Record<string, string>>>;

  interface AccessToken {
    resourceServer: object;
    save(): Promise<string>;
  }

  interface RefreshToken {
    save(): Promise<string>;
  }

  export default class Provider {
    constructor(issuer: string, configuration: object);
    on(event: 'grant.success', listener: (context: { readonly oidc: { readonly body: Body } }) => void): this;
    callback(): RequestListener;
    readonly Grant: new (of: { readonly accountId: string; readonly clientId: string }) => Grant;
    readonly AccessToken: new (of: object) => AccessToken;
    readonly ResourceServer: new (identifier: string, of: object) => object;
    registerGrantType(name: string, handler: (ctx: GrantContext) => Promise<void>, params: readonly string[]): void;
    readonly Client: { find(id: string): Promise<object> };
    readonly RefreshToken: new (of: object) => RefreshToken;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
  }
}
