/**
 * The scheme `github_app` (§2.6): the private key of a GitHub App, exchanged for a token of one of its installations.
 * Never holds a value, never signs and never asks.
 */
import { parseIdentifier, parseKeyField } from './jwt-bearer.ts';
import { isObject } from './json.ts';
import { distinct, exactObject, list, refuse } from './shape.ts';
import type { Template } from './template.ts';
import { endpointParts, parseTokenEndpoint, type TokenEndpoint } from './token-endpoint.ts';

const LEVELS = ['read', 'write', 'admin'] as const;

/** The token goes into the request as `Authorization: Bearer …`. */
export interface GithubApp {
  readonly scheme: 'github_app';
  /** Of one installation, at GitHub or at a GitHub Enterprise Server. */
  readonly endpoint: TokenEndpoint;
  /** Exactly one field, as for `jwt_bearer`. */
  readonly private_key: Template;
  /** The app's client id, or its number. */
  readonly iss: Template;
  /** Names, without their owner: fewer than the installation has. */
  readonly repositories?: readonly string[];
  /** Fewer than the installation has, by name. */
  readonly permissions?: Readonly<Record<string, (typeof LEVELS)[number]>>;
}

const INSTALLATION = /\/app\/installations\/[1-9][0-9]{0,18}\/access_tokens$/;
const REPOSITORY = /^[A-Za-z0-9._-]{1,100}$/;
/** The answer describes each of them, in some 6 KiB; of an answer 64 KiB are read. */
const MAX_REPOSITORIES = 8;
const PERMISSION = /^[a-z][a-z_]{0,63}$/;
const MAX_PERMISSIONS = 64;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseGithubApp(value: unknown): GithubApp {
  const required = ['scheme', 'endpoint', 'private_key', 'iss'];
  const said = exactObject(value, 'A token scheme', required, ['repositories', 'permissions']);
  const endpoint = parseTokenEndpoint(said.endpoint);
  const { target } = endpointParts(endpoint);
  if (!INSTALLATION.test(target))
    refuse('The endpoint of "github_app" ends with /app/installations/ID/access_tokens, ID being the number of one.');
  return Object.freeze({
    scheme: 'github_app',
    endpoint,
    private_key: parseKeyField(said.private_key),
    iss: parseIdentifier(said.iss),
    ...(said.repositories === undefined ? {} : { repositories: parseRepositories(said.repositories) }),
    ...(said.permissions === undefined ? {} : { permissions: parsePermissions(said.permissions) }),
  });
}

/** What the endpoint is asked for, as JSON: fixed text that was sealed. */
export function installationRequest({ repositories, permissions }: GithubApp): string {
  return JSON.stringify({ repositories, permissions });
}

function parseRepositories(value: unknown): readonly string[] {
  const names = list(value, '"repositories"', 1, MAX_REPOSITORIES, (name) =>
    typeof name === 'string' && REPOSITORY.test(name)
      ? name
      : refuse('"repositories" has names of repositories, without their owner.'),
  );
  return distinct(names, '"repositories"', (name) => name.toLowerCase());
}

function parsePermissions(value: unknown): NonNullable<GithubApp['permissions']> {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0 || entries.length > MAX_PERMISSIONS)
    refuse(`"permissions" is an object of 1 to ${MAX_PERMISSIONS} permissions.`);
  return Object.freeze(
    Object.fromEntries(
      entries.map(([name, asked]) => {
        const level = LEVELS.find((one) => one === asked);
        if (!PERMISSION.test(name) || level === undefined)
          return refuse('"permissions" has names in lowercase, each with "read", "write" or "admin".');
        return [name, level];
      }),
    ),
  );
}
