/** OpenAPI 3.1 of the JSON API, as a table: method, path, scope, what it does. */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
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
  ['delete', '/connections/{handle}', 'dauth:connections.write', 'Delete a connection; its handle stays taken'],
  ['post', '/clients', 'dauth:admin', 'Register a client'],
  ['get', '/clients', 'dauth:admin', 'List clients'],
  ['post', '/servers', 'dauth:admin', 'Register an MCP server and its key'],
  ['get', '/servers', 'dauth:admin', 'List MCP servers'],
  ['post', '/grants', 'dauth:grants.write', 'Let a runner use pinned credentials'],
  ['get', '/grants', 'dauth:grants.write', 'List grants'],
  ['delete', '/grants/{id}', 'dauth:grants.write', 'Revoke a grant'],
  ['post', '/revocations', 'dauth:admin', 'Revoke a token, grant, client, server, owner or organisation'],
  ['get', '/whoami', '', 'Say who the token speaks for'],
  ['get', '/audit', 'dauth:admin', 'Read journal records'],
  ['get', '/audit/operations', 'dauth:admin', 'Read what was done to the authority itself, newest first'],
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

export function openApi(app: Hono<HttpEnv>, authority: Authority): void {
  app.get('/openapi.json', (c) => {
    const paths: Record<string, Record<string, object>> = {};
    for (const [method, path, scope, summary] of OPERATIONS) {
      const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      }));
      (paths[path] ??= {})[method] = {
        summary,
        description: scope === '' ? 'Any token for this authority will do.' : `Needs the scope ${scope}.`,
        ...(parameters.length === 0 ? {} : { parameters }),
        security: [{ dpop: scope === '' ? [] : [scope] }],
        responses: { '2XX': { description: 'Done' }, default: PROBLEM },
      };
    }
    const dpop = {
      type: 'http',
      scheme: 'DPoP',
      description: 'RFC 9449: a DPoP-bound token whose audience is this authority.',
    };
    return c.json({
      openapi: '3.1.0',
      info: { title: 'DAuth authority', version: '0.1.0' },
      servers: [{ url: authority.config.issuer }],
      components: { securitySchemes: { dpop } },
      paths,
    });
  });
}
