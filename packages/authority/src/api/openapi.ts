/** OpenAPI 3.1 of the token endpoint, the JSON API and the executor's endpoints, as tables: method, path, who, what it does. */
import { HEADER } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { VERSION } from '../health.ts';
import type { HttpEnv } from '../http.ts';

/** An empty scope: any token for the authority will do. */
const OPERATIONS: readonly (readonly [method: string, path: string, scope: string, summary: string])[] = [
  ['post', '/connections', 'dauth:connections.write', 'Store a sealed credential'],
  ['get', '/connections', 'dauth:connections.read', 'List connections'],
  ['get', '/connections/{handle}', 'dauth:connections.read', 'Get a connection'],
  ['post', '/connections/{handle}/suspend', 'dauth:connections.write', 'Suspend a connection'],
  ['post', '/connections/{handle}/resume', 'dauth:connections.write', 'Resume a suspended connection'],
  ['post', '/connections/{handle}/revoke', 'dauth:connections.write', 'Revoke a connection for good'],
  [
    'post',
    '/connections/{handle}/rotate',
    'dauth:connections.write',
    'Replace the sealed credential by its next version',
  ],
  [
    'post',
    '/connections/{handle}/redeem',
    'dauth:connections.write',
    'Have the executor redeem the code that was sealed',
  ],
  ['delete', '/connections/{handle}', 'dauth:connections.write', 'Delete a connection; its handle stays taken'],
  ['post', '/clients', 'dauth:admin', 'Register a client'],
  ['get', '/clients', 'dauth:admin', 'List clients'],
  ['post', '/clients/{id}/bind', 'dauth:admin', "Take a client's mark for the Bearer exception away"],
  ['post', '/servers', 'dauth:admin', 'Register an MCP server and its key'],
  ['get', '/servers', 'dauth:admin', 'List MCP servers'],
  ['post', '/grants', 'dauth:grants.write', 'Let a runner use pinned credentials'],
  ['get', '/grants', 'dauth:grants.write', 'List grants'],
  ['delete', '/grants/{id}', 'dauth:grants.write', 'Revoke a grant'],
  ['post', '/users', 'dauth:admin', 'Invite a person; answers with the one-time code to pass on'],
  ['get', '/users', 'dauth:admin', 'List people'],
  ['post', '/revocations', 'dauth:admin', 'Revoke a token, grant, client, server, owner or organisation'],
  ['post', '/keys/rotate', 'dauth:admin', 'Publish the next signing key, which signs once verifiers can know it'],
  ['get', '/whoami', '', 'Say who the token speaks for'],
  ['get', '/audit', 'dauth:admin', 'Read journal records'],
  ['get', '/audit/operations', 'dauth:admin', 'Read what was done to the authority itself, newest first'],
];

/** What the executor alone may ask (spec/dauth.md §6). */
const OF_THE_EXECUTOR: readonly (readonly [method: string, path: string, summary: string])[] = [
  ['get', '/executor/envelopes/{handle}', 'Get the sealed envelope of a connection'],
  ['post', '/executor/envelopes/{handle}', 'Store the version that the executor made out of the current one'],
  ['post', '/executor/leases/{handle}', 'Take the lease for an exchange that may rotate a refresh token'],
  ['post', '/executor/reauthorizations/{handle}', 'Say that the upstream ended the grant behind a version'],
  ['get', '/executor/status', 'Follow signed revocations and heartbeats, a line each, after the revision "since"'],
  ['post', '/executor/records', 'Continue the audit journal, with a signed checkpoint'],
];

const PROBLEM = {
  description: 'Problem document (RFC 9457)',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status', 'code', 'detail', 'retryable', 'request_id'],
        properties: { code: { type: 'string' }, detail: { type: 'string' }, request_id: { type: 'string' } },
      },
    },
  },
};

const REFUSED = {
  description: 'Refusal (RFC 6749 §5.2)',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['error', 'error_description', 'request_id'],
        properties: {
          error: { type: 'string' },
          error_description: { type: 'string' },
          request_id: { type: 'string' },
        },
      },
    },
  },
};

/** What a form may hold, and whether each request needs it. */
const FORM = {
  required: ['grant_type'],
  optional: [
    ...['resource', 'scope', 'authorization_details', 'client_id', 'client_assertion_type', 'client_assertion'],
    ...['code', 'code_verifier', 'redirect_uri', 'refresh_token', 'assertion', 'audience', 'requested_token_type'],
    ...['device_code', 'subject_token', 'subject_token_type', 'subject_dpop'],
  ],
};
const PUSHED = {
  required: ['response_type', 'code_challenge', 'code_challenge_method'],
  optional: [
    ...['client_id', 'client_assertion_type', 'client_assertion', 'redirect_uri', 'state', 'response_mode', 'resource'],
    ...['scope', 'authorization_details', 'dpop_jkt', 'prompt', 'max_age'],
  ],
};

function formOf({ required, optional }: Readonly<Record<'required' | 'optional', readonly string[]>>): object {
  const properties = Object.fromEntries([...required, ...optional].map((name) => [name, { type: 'string' }]));
  const schema = { type: 'object', required, properties };
  return { required: true, content: { 'application/x-www-form-urlencoded': { schema } } };
}

const TOKEN = {
  summary: 'Issue a DPoP-bound access token or dispatch token',
  description:
    'The client proves itself by `client_assertion` (private_key_jwt, RFC 7523 §2.2), or by its id and PKCE where it is public, and its key by `DPoP` (RFC 9449). ' +
    "With the grant type jwt-bearer a workload's `assertion` takes the place of `client_assertion`. " +
    'Grants and algorithms: /.well-known/oauth-authorization-server.',
  parameters: [{ name: 'DPoP', in: 'header', required: true, schema: { type: 'string' } }],
  // No header says who asks: the client proves itself in the form.
  security: [],
  requestBody: formOf(FORM),
  responses: { '2XX': { description: 'Token (RFC 6749 §5.1)' }, default: REFUSED },
};

/** How a client with a key says who it is (RFC 7523 §2.2). */
const PROVEN = ['client_assertion_type', 'client_assertion'];
const REVOKED = { required: ['token'], optional: [...PROVEN, 'client_id', 'token_type_hint'] };
const ASKED = { required: ['token', ...PROVEN], optional: ['client_id', 'token_type_hint'] };

/** What a client asks about a token it holds or was shown: a form, and the client's own proof in it (RFC 7009, RFC 7662). */
function aboutToken(summary: string, form: typeof FORM, answer: string): object {
  const responses = { '2XX': { description: answer }, default: REFUSED };
  return { summary, security: [], requestBody: formOf(form), responses };
}

const PUSH = {
  summary: 'Push an authorization request (RFC 9126)',
  description: 'The client proves itself as at /token; a `DPoP` proof names the key the code will be bound to.',
  parameters: [{ name: 'DPoP', in: 'header', required: false, schema: { type: 'string' } }],
  security: [],
  requestBody: formOf(PUSHED),
  responses: { '2XX': { description: 'Its name, for /authorize' }, default: REFUSED },
};

const REGISTER = {
  summary: 'Register a client (RFC 7591)',
  description: 'Open to anybody; the answer says what was registered. No secrets, and nothing to change it with later.',
  security: [],
  requestBody: {
    required: true,
    content: { 'application/json': { schema: { type: 'object', required: ['redirect_uris'] } } },
  },
  responses: { '201': { description: 'Client information (RFC 7591 §3.2.1)' }, default: REFUSED },
};

const DEVICE = {
  summary: 'Ask for a code that a person types elsewhere (RFC 8628)',
  description: 'The client proves itself and its key as at /token; what comes of it is bound to that key.',
  parameters: [{ name: 'DPoP', in: 'header', required: true, schema: { type: 'string' } }],
  security: [],
  requestBody: formOf({
    required: [],
    optional: [
      ...['client_id', 'client_assertion_type', 'client_assertion'],
      ...['resource', 'scope', 'authorization_details'],
    ],
  }),
  responses: { '2XX': { description: 'The two codes (RFC 8628 §3.2)' }, default: REFUSED },
};

/** @param who the name of a scheme, with the scopes it needs */
function operation(
  path: string,
  summary: string,
  description: string,
  who: Readonly<Record<string, string[]>>,
): object {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return {
    summary,
    description,
    ...(parameters.length === 0 ? {} : { parameters }),
    security: [who],
    responses: { '2XX': { description: 'Done' }, default: PROBLEM },
  };
}

export function openApi(app: Hono<HttpEnv>, authority: Authority): void {
  app.get('/openapi.json', (c) => {
    const paths: Record<string, Record<string, object>> = {
      '/token': { post: TOKEN },
      '/par': { post: PUSH },
      '/device_authorization': { post: DEVICE },
      '/revoke': { post: aboutToken('Give a token back', REVOKED, 'Nothing, whether there was a token or not') },
      '/introspect': { post: aboutToken('Ask about a token', ASKED, 'Its claims, or that it is not active') },
    };
    for (const [method, path, scope, summary] of OPERATIONS) {
      const description = scope === '' ? 'Any token for this authority will do.' : `Needs the scope ${scope}.`;
      (paths[path] ??= {})[method] = operation(path, summary, description, { dpop: scope === '' ? [] : [scope] });
    }
    for (const [method, path, summary] of OF_THE_EXECUTOR)
      (paths[path] ??= {})[method] = operation(path, summary, 'For the pinned executor alone.', { executorProof: [] });
    if (authority.config.clients.registration === 'open') paths['/register'] = { post: REGISTER };
    return c.json({
      openapi: '3.1.0',
      info: { title: 'DAuth authority', version: VERSION.version },
      servers: [{ url: authority.config.issuer }],
      components: { securitySchemes: SCHEMES },
      paths,
    });
  });
}

const SCHEMES = {
  dpop: {
    ...{ type: 'http', scheme: 'DPoP' },
    description: 'RFC 9449: a DPoP-bound token whose audience is this authority.',
  },
  executorProof: {
    ...{ type: 'apiKey', in: 'header', name: HEADER.executorProof },
    description: "A proof by the executor's identity key over method, URL and body.",
  },
};
