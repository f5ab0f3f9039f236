/**
 * What a standard asks of one of our parties, and the test that holds us to it. Data only; `npm test` requires each named
 * test to have passed in that run (held.ts), and docs/conformance.md to be what these rows say.
 */
/** Who has to do it: authorization server, resource server (`protect`, the executor, the authority's own API), or client. */
export type Party = 'AS' | 'RS' | 'client';
export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT';

/**
 * A test by its source file and its name as it is written there, an entry of the negative battery by its id, or why nothing
 * here could break the rule.
 */
export type Proof =
  readonly [file: string, name: string] | { readonly entry: string } | { readonly notApplicable: string };

export interface Requirement {
  readonly document: string;
  readonly section: string;
  readonly party: Party;
  readonly level: Level;
  /** In our words. */
  readonly text: string;
  readonly proof: Proof;
}

export type Row = readonly [section: string, party: Party, level: Level, text: string, proof: Proof];

export function of(document: string, rows: readonly Row[]): readonly Requirement[] {
  return rows.map(([section, party, level, text, proof]) => ({ document, section, party, level, text, proof }));
}

/** Test files that prove much. */
const tests = (folder: string) => (noun: string) => (name: string) => [`${folder}/${noun}.test.ts`, name] as const;
const [verify, oauth, mcp] = [
  tests('packages/verify/src'),
  tests('packages/authority/src/oauth'),
  tests('packages/mcp/src'),
];
export const dpop = verify('dpop');
export const jws = verify('jws');
export const authorization = verify('authorization');
export const htu = verify('htu');
export const keyTest = verify('key');
export const rsa = verify('rsa');
export const accessToken = verify('token');
export const form = oauth('form');
export const token = oauth('token');
export const exchange = oauth('exchange');
export const documents = oauth('documents');
export const nonce = oauth('nonce');
export const revoke = oauth('revoke');
export const authorize = oauth('authorize');
export const code = oauth('code');
export const consent = oauth('consent');
export const par = oauth('par');
export const refresh = oauth('refresh');
export const introspect = oauth('introspect');
export const device = oauth('device');
const people = tests('packages/authority/src/people');
export const session = people('session');
export const signIn = people('sign-in');
export const config = tests('packages/authority/src')('config');
export const protect = mcp('protect');
export const mcpNonce = mcp('nonce');
export const mcpConfig = mcp('config');
export const introspection = mcp('introspection');
export const discovery = mcp('discovery');
const client = tests('packages/client/src');
export const clientTokens = client('tokens');
export const provider = client('provider');
/** How a host's client finds whom to ask. */
export const finding = client('finding');
export const battery = (entry: string) => ({ entry });
export const deviceClient = client('device');
export const connectFlow = client('connect-flow');
/** The scenarios of MCP’s suite, `auth/dpop` and `auth/dpop-nonce` too, by the official SDK’s client with `mcpProvider`. */
export const SUITE = ['test/conformance/client.test.ts', '${run.title} ends as docs/conformance.md says'] as const;
export const foreign = tests('test/e2e')('own-server');
export const login = tests('test/e2e')('login');
export const cliSession = tests('packages/cli/src')('session');
