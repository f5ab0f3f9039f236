#!/usr/bin/env node
/** `dauth`: the words people type. stdout is data, stderr is talk; a credential is never an argument. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { connect, rotate, type ConnectFlags, type RotateFlags } from './connect.ts';
import { doctor } from './doctor.ts';
import { addExamples, describeMisuse, HELP } from './help.ts';
import { login, logout, type LoginFlags } from './login.ts';
import { collect, judging, policy, sealing, signing, talking } from './options.ts';
import { describeError, EXIT, flush, print, say, sayJson, usage } from './output.ts';
import type { GlobalFlags } from './reach.ts';
import {
  actOnConnection,
  addClient,
  addGrant,
  addServer,
  audit,
  bindClient,
  list,
  listClients,
  listConnections,
  removeClient,
  removeGrant,
  rotateKeys,
} from './registry.ts';
import { installedRooms } from './rooms.ts';
import type { ConfigFlags } from './show-config.ts';
import type { StartFlags } from './start.ts';
import { addUser, listUsers } from './users.ts';
import type { VerdictFlags } from './verdict.ts';

const VERSION = '0.1.0';
/** What reads configurations and judges rules needs much that the other words do not: it is loaded where it is asked for. */
const load = {
  config: () => import('./show-config.ts'),
  serve: () => import('./serve.ts'),
  start: () => import('./start.ts'),
  verdict: () => import('./verdict.ts'),
};
let exit: number = EXIT.ok;

const program = new Command('dauth')
  .version(VERSION, '-V, --version', 'the version')
  .description('Credentials that AI tools can use and nobody can read. No telemetry.')
  .exitOverride()
  .configureHelp(HELP)
  .configureOutput({ outputError: () => undefined })
  .showSuggestionAfterError();

program
  .command('start')
  .description('start authority and executor on this machine')
  .option('--data <dir>', 'directory for all state (default: DAUTH_HOME or ./.dauth)')
  .option('--port <n>', 'port of the authority; the executor takes the next; 0 picks free ones')
  .option('--config <file>', 'YAML or JSON configuration')
  .option('--json', 'print the ready line on stdout')
  .option('--quiet', 'no banner')
  .action(async (flags: StartFlags) => void (exit = await (await load.start()).start(flags, installedRooms())));

program
  .command('serve <room>')
  .description('run one room alone: authority or executor')
  .requiredOption('--config <file>', 'YAML or JSON configuration of that room')
  .option('--json', 'errors as JSON too; the ready line always is')
  .action(async (room: string, flags: { config: string }) => {
    const { serve } = await load.serve();
    exit = await serve(room, flags.config, installedRooms());
  });

signing(program.command('login [authority]'))
  .description('sign a person in here, with a code that is typed in a browser')
  .option('--client-id <id>', 'public client with the device flow (default: dauth-cli)')
  .option('--scope <scope>', 'what it may do (repeat; default: connections and grants)', collect)
  .action((authority: string | undefined, flags: LoginFlags) => login(authority, flags));
signing(program.command('logout'))
  .description('sign out, here and at the authority')
  .action((flags: LoginFlags) => logout(flags));

const clients = program.command('clients').description('OAuth clients');
talking(clients.command('add'))
  .description('register an OAuth client')
  .requiredOption('--name <name>', 'a name for people')
  .option('--jwk <file>', 'its public JWK')
  .option('--generate <file>', 'make a key into this file (0600), with its client id')
  .option('--public', "it has no key: an app on its users' devices, or in their browsers")
  .option('--redirect-uri <uri>', 'where a browser may be sent back to (repeat)', collect)
  .option(
    '--grant <type>',
    'grant type it may use (repeat; default: client_credentials, public: authorization_code)',
    collect,
  )
  .option('--owner <sub>', 'owner it acts for (default: itself)')
  .option('--org <org>', 'organisation')
  .option('--scope <scope>', 'scopes it may have (repeat; default: any but admin)', collect)
  .option('--bearer', 'dangerous: it cannot sign, so its tokens work for whoever has them')
  .option('--nonces', 'its DPoP proofs need a nonce')
  .action(addClient);
talking(clients.command('ls').description('list them')).action(listClients);
talking(clients.command('bind <id>'))
  .description('take the mark of --bearer away')
  .action((id: string, flags: GlobalFlags) => bindClient(id, flags));
talking(clients.command('rm <id>'))
  .description('end a client for good')
  .action((id: string, flags: GlobalFlags) => removeClient(id, flags));

const servers = program.command('servers').description('MCP servers and their keys');
talking(servers.command('add'))
  .description('register an MCP server and its key')
  .requiredOption('--resource <url>', 'resource URI of the server')
  .option('--jwk <file>', 'its public JWK')
  .option('--generate <file>', 'make a key into this file (0600), with its client id')
  .option('--scope <scope>', 'a scope it offers (repeat)', collect)
  .option('--org <org>', 'organisation')
  .action(addServer);
talking(servers.command('ls').description('list them')).action((flags: GlobalFlags) =>
  list('servers', ['resource', 'client_id', 'scopes'], flags),
);

const users = program.command('users').description('people who sign in to the pages of the authority');
talking(users.command('add'))
  .description('invite a person: prints the code to pass on')
  .requiredOption('--login <login>', 'what the person signs in with')
  .option('--name <name>', 'how they are called')
  .option('--email <address>', 'their email address')
  .option('--owner <sub>', 'owner whose connections are theirs (default: a new one)')
  .option('--org <org>', 'organisation')
  .action(addUser);
talking(users.command('ls').description('list them')).action(listUsers);

const grants = program.command('grants').description('what owners let apps and runners use');
talking(grants.command('add'))
  .description('let a runner use what is pinned to its key')
  .requiredOption('--client <id>', 'the runner')
  .requiredOption('--resource <url>', 'the MCP server')
  .option('--owner <sub>', 'owner who gives it (operator only; default: you)')
  .option('--expires-in <days>', 'days it lasts')
  .action(addGrant);
talking(grants.command('ls').description('list them')).action((flags: GlobalFlags) =>
  list('grants', ['id', 'kind', 'owner', 'client_id', 'resource'], flags),
);
talking(grants.command('rm <id>').description('end one')).action((id: string, flags: GlobalFlags) =>
  removeGrant(id, flags),
);

const keys = program.command('keys').description("the authority's signing keys");
talking(keys.command('rotate').description('publish the next key, which signs once every verifier can know it')).action(
  (flags: GlobalFlags) => rotateKeys(flags),
);

policy(sealing(program.command('connect <name>'), '365'))
  .description('seal a credential here and store the ciphertext')
  .requiredOption('--origin <url>', 'the one origin it may be sent to')
  .requiredOption('--server <resource>', 'MCP server that may use it; repeat for more', collect)
  .option(
    '--capture <rule>',
    'a login, whose answers hold a credential: where, and how that may be used, in JSON: docs/capture.md',
  )
  .option('--try', 'have the executor check that it opens before it is stored')
  .action((name: string, flags: ConnectFlags) => connect(name, flags));

const connections = program.command('connections').description('stored connections');
talking(connections.command('ls').description('list them')).action(listConnections);
const VERBS = {
  get: 'show one',
  suspend: 'stop it until it is resumed',
  resume: 'let it be used again',
  revoke: 'stop it for good',
  rm: 'delete it',
} as const;
for (const verb of ['get', 'suspend', 'resume', 'revoke', 'rm'] as const) {
  talking(connections.command(`${verb} <handle>`).description(VERBS[verb])).action(
    (handle: string, flags: GlobalFlags) => actOnConnection(verb, handle, flags),
  );
}
policy(sealing(connections.command('rotate <handle>'), 'as long as before; with a new policy 365'))
  .description('seal a new value, with the policy you sealed it with or with one given whole')
  .option('--sealed-by <thumbprint>', 'another key of yours that may have sealed it (repeat)', collect)
  .option('--name <name>', 'name of the connection, with a new policy')
  .option('--origin <url>', 'the one origin of a new policy')
  .option('--server <resource>', 'MCP server of a new policy (repeat)', collect)
  .action((handle: string, flags: RotateFlags) => rotate(handle, flags));

const rules = program.command('policy').description('what sealed rules say of a request');
judging(rules.command('test <method> <url>'))
  .description('say whether it would be allowed, and by which rule; ends with 5 where it would not')
  .action(async (method: string, url: string, flags: VerdictFlags) => {
    exit = (await load.verdict()).testPolicy(method, url, flags);
  });
judging(rules.command('explain <method> <url>'))
  .description('the same, with what every rule says')
  .action(async (method: string, url: string, flags: VerdictFlags) => {
    exit = (await load.verdict()).explainPolicy(method, url, flags);
  });

const journal = program.command('audit').description("the executor's journal");
talking(journal.command('tail'))
  .description('show the last records')
  .option('--follow', 'go on')
  .option('--lines <n>', 'how many (default: 20)')
  .action((flags: GlobalFlags) => audit('tail', flags));
talking(journal.command('export').description('print all records as they were written')).action((flags: GlobalFlags) =>
  audit('export', flags),
);

talking(program.command('doctor').description('check everything that can be checked from here')).action(
  async (flags: GlobalFlags) => void (exit = await doctor(flags)),
);

const configuration = program.command('config').description('configuration');
configuration
  .command('show')
  .description('show every value')
  .option('--origin', 'say where each value came from')
  .option('--config <file>')
  .option('--json')
  .action(async (flags: ConfigFlags) => (await load.config()).showConfig(flags));
configuration
  .command('validate')
  .description('check a file')
  .requiredOption('--config <file>')
  .option('--json')
  .action(async (flags: ConfigFlags) => (await load.config()).validateConfig(flags));
configuration
  .command('schema')
  .description('print the JSON Schema')
  .action(async () => (await load.config()).printSchema());

program
  .command('demo')
  .description('the whole flow, then the attacks (in a clone of the repository)')
  .allowUnknownOption()
  .allowExcessArguments()
  .action((_, command: Command) => {
    const script = fileURLToPath(new URL('../../../test/dist/demo/main.js', import.meta.url));
    if (!existsSync(script)) throw usage('The demo is part of the repository: clone it and run "npm run demo".');
    exit = spawnSync(process.execPath, [script, ...command.args], { stdio: 'inherit' }).status ?? EXIT.unexpected;
  });

program
  .command('version')
  .description('print the version')
  .option('--json')
  .action((flags: { json?: boolean }) =>
    print(flags.json === true, { version: VERSION, node: process.version }, () => VERSION),
  );

addExamples(program);
// `dauth audit export | head`: the reader has enough, and there is nobody left to tell.
process.stdout.on('error', () => process.exit(EXIT.unexpected));
try {
  await program.parseAsync();
} catch (error) {
  exit = fail(error);
}
await flush();
// Sockets of finished requests must not keep a finished command alive.
process.exit(exit);

function fail(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help')
      return error.code === 'commander.help' ? EXIT.usage : EXIT.ok;
    error = describeMisuse(error, program, process.argv.slice(2));
  }
  const { exit: code, ...described } = describeError(error);
  if (process.argv.includes('--json')) sayJson({ error: { ...described, docs: 'docs/cli.md' } });
  else
    say(
      `${described.message}${described.hint === undefined ? '' : `\n${described.hint}`}${described.requestId === undefined ? '' : `\nrequest id: ${described.requestId}`}`,
    );
  return code;
}
