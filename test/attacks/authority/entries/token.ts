/** Token requests (RFC 6749 §3.2, §4.4, §5.2; RFC 8707, 9396) whose form is wrong. Data only. */
import { at, CANARY, type Entry } from '../entry.ts';

const [INVALID, SCOPE, TARGET] = ['invalid_request', 'invalid_scope', 'invalid_target'] as const;
const form = (parameters: Readonly<Record<string, string | null | readonly string[]>>) => ({ form: parameters });

export const TOKEN: readonly Entry[] = [
  ...at('credentials', [
    ['token.no-grant', 'RFC 6749 §5.2', 'no grant type', form({ grant_type: null }), INVALID],
    ['token.empty-grant', 'RFC 6749 §3.2', 'a grant type without a value', form({ grant_type: '' }), INVALID],
    [
      ...(['token.unknown-grant', 'RFC 6749 §5.2', 'a grant type nobody knows'] as const),
      ...([form({ grant_type: CANARY }), 'unsupported_grant_type'] as const),
    ],
    [
      ...(['token.password', 'RFC 9700 §2.4', 'the password of a person'] as const),
      ...([form({ grant_type: 'password', username: 'ada', password: CANARY }), 'unsupported_grant_type'] as const),
    ],
    [
      ...(['token.others-grant', 'RFC 6749 §5.2', 'a grant type that is not for the client'] as const),
      ...([{ by: 'app' }, 'unauthorized_client'] as const),
    ],
    [
      ...(['token.json', 'RFC 6749 §3.2', 'a token request in JSON'] as const),
      ...([{ type: 'application/json', body: JSON.stringify({ grant_type: CANARY }) }, INVALID] as const),
    ],
    ['token.no-type', 'RFC 6749 §3.2', 'a form that says to be text', { type: 'text/plain' }, INVALID],
    ['token.scope-twice', 'RFC 6749 §3.2', 'a scope given twice', form({ scope: ['mcp:use', CANARY] }), INVALID],
    ['token.unknown-twice', 'RFC 6749 §3.2', 'what nobody knows, twice', form({ [CANARY]: ['one', 'two'] }), INVALID],
    ['token.ill-formed', 'RFC 6749 §B', 'a form that does not decode', { body: 'grant_type=%E0%A4%A' }, INVALID],
    ['token.unknown-scope', 'RFC 6749 §3.3', 'a scope that nobody offers', form({ scope: CANARY }), SCOPE],
    ['token.others-scope', 'RFC 6749 §3.3', 'a scope that is not for the client', form({ scope: 'mcp:write' }), SCOPE],
    ['token.no-resource', 'RFC 8707 §2.2', 'a token for no resource', form({ resource: null }), TARGET],
    [
      ...(['token.unknown-resource', 'RFC 8707 §2.2', 'a resource nobody registered'] as const),
      ...([form({ resource: `https://${CANARY}.example/mcp` }), TARGET] as const),
    ],
    ['token.relative-resource', 'RFC 8707 §2', 'a relative resource', form({ resource: `/${CANARY}` }), TARGET],
    [
      ...(['token.resource-fragment', 'RFC 8707 §2', 'a resource with a fragment'] as const),
      ...([form({ resource: `https://mcp.example/mcp#${CANARY}` }), TARGET] as const),
    ],
    [
      ...(['token.two-resources', 'RFC 8707 §2.2', 'two resources for one token'] as const),
      ...([form({ resource: ['https://mcp.example/mcp', `https://${CANARY}.example/mcp`] }), INVALID] as const),
    ],
    [
      ...(['token.details-json', 'RFC 9396 §5', 'authorization details that are no JSON'] as const),
      ...([form({ authorization_details: `[${CANARY}` }), 'invalid_authorization_details'] as const),
    ],
    [
      ...(['token.details-type', 'RFC 9396 §5', 'authorization details of a type nobody knows'] as const),
      ...([form({ authorization_details: `[{"type":"${CANARY}"}]` }), 'invalid_authorization_details'] as const),
    ],
  ]),
  {
    ...{ id: 'token.get', must: 'RFC 6749 §3.2', what: 'a token request by GET', to: 'credentials' },
    change: { method: 'GET' },
    answer: [405, 'METHOD_NOT_ALLOWED'],
    headers: { allow: 'POST', 'content-type': true },
  },
];
