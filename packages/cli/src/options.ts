/** Options that commands have in common, and what is refused before any of them runs. Never a credential among them. */
import { Option, type Command } from 'commander';
import { usage } from './output.ts';
import { checkFlags, type GlobalFlags } from './reach.ts';

/** Of a flag that may be given more than once. */
export const collect = (value: string, all: string[] | undefined): string[] => [...(all ?? []), value];

/** Options that every command talking to an authority has. */
export function talking(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory of a stack (default: DAUTH_HOME or ./.dauth)')
    .option('--authority <url>', 'authority to talk to')
    .option('--key <file>', 'private JWK of the client')
    .option('--signed-in', 'ask as the person who is signed in here (default where there is no operator)')
    .option('--client-id <id>', 'client id of that key (default: as the key file says)')
    .option('--executor-identity <thumbprint>', 'identity of the executor, as its operator told you')
    .option('--timeout <seconds>', 'time for each answer', '30')
    .option('--json', 'one JSON document on stdout')
    .option('--no-input', 'never ask')
    .allowExcessArguments(true)
    .hook('preAction', (_, action) => {
      refuseExtra(action);
      checkFlags(action.opts<GlobalFlags>());
    });
}

/** A value beyond the named arguments is most likely a credential: refused, and never repeated. */
function refuseExtra(command: Command): void {
  if (command.args.length > command.registeredArguments.length) {
    throw usage(
      'There is an argument too many. A credential is never an argument.',
      'Pipe it in, or use --from-env VAR or --from-file FILE.',
    );
  }
}

const secretFlag = (name: string) => new Option(`${name} [value]`).hideHelp();

/** Options of the commands that seal. Never one that takes the credential itself. */
export function sealing(command: Command, until: string): Command {
  return talking(command)
    .option('--field <name>', 'field of the credential (repeat; default: token)', collect)
    .option('--from-env <variable>', 'read the credential from a variable (it stays in that environment)')
    .option('--from-file <file>', 'read the credential from a file, or - for stdin')
    .option(
      '--oauth <request>',
      'ask for it at a provider, in a browser, as JSON: {"issuer":"https://login.example", "client_id":"mail"} (docs/exchange.md)',
    )
    .option('--expires-in <days>', `days until the sealed credential ends (default: ${until})`)
    .addOption(secretFlag('--token'))
    .addOption(secretFlag('--value'))
    .addOption(secretFlag('--secret'))
    .hook('preAction', (_, action) => {
      const { token, value, secret } = action.opts<Record<string, unknown>>();
      if (token ?? value ?? secret)
        throw usage(
          "A credential is never an argument: it would stay in the shell's history and the process list.",
          'Pipe it in, or use --from-env VAR or --from-file FILE.',
        );
    });
}

/** Options of the commands that sign in and out: no key is chosen here. */
export function signing(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory (default: DAUTH_HOME or ./.dauth)')
    .option('--timeout <seconds>', 'time for each answer', '30')
    .option('--json', 'one JSON document a line on stdout')
    .allowExcessArguments(true)
    .hook('preAction', (_, action) => refuseExtra(action));
}

/** Options of the policy, but where it goes: that is required where there is none yet. */
export function policy(command: Command): Command {
  return command
    .option(
      '--inject <spec>',
      'where it goes, or a scheme in JSON: docs/signing.md, exchange.md, postgres.md, mtls.md (repeat; default: header:authorization=Bearer {token})',
      collect,
    )
    .option(
      '--method <m>',
      'allowed method (repeat; default: GET, with a body slot or --graphql POST); of a database READ, WRITE',
      collect,
    )
    .option('--path <pattern>', 'allowed path (repeat; default: /**); of a database its name, as /shop', collect)
    .option('--query <name>', 'the only names a query may have (repeat; default: any)', collect)
    .option('--without-query', 'no request may have a query')
    .option(
      '--body <condition>',
      'what a JSON body must hold, as JSON (repeat): {"pointer":"/draft","equals":true}',
      collect,
    )
    .option('--websocket', 'a WebSocket may be opened too')
    .option('--graphql <rule>', 'what a GraphQL request must be, as JSON: {"operations":["query"]}')
    .option('--rate <quota>', 'how many requests (of a database: sessions) at most, up to a minute: 60/minute, 5/10s')
    .option(
      '--budget <quota>',
      'how many requests (of a database: sessions) at most, from an hour to 31 days (UTC): 1000/day',
    )
    .option(
      '--spki <pin>',
      'only to a server whose certificate leads to this key: SHA-256 of its SubjectPublicKeyInfo, base64url; or ORIGIN=PIN (repeat)',
      collect,
    )
    .option(
      '--response-header <name>',
      'also give back this header of answers: set-cookie or www-authenticate (repeat)',
      collect,
    )
    .option('--refuse-echoes', 'fail an answer that holds the credential, whole; without it stars stand in its place')
    .option('--owner <sub>', 'owner (operator only, and noted in the log)')
    .option('--org <org>', 'organisation')
    .option('--pin <thumbprint>', 'only for calls by this client key (repeat)', collect)
    .option('--pin-server <thumbprint>', 'only for this MCP server key (repeat)', collect)
    .option('--allow-bearer', 'dangerous: also for clients without a key, whose tokens work for whoever has them');
}

/** Options of the commands that ask what rules say. They talk to nobody. */
export function judging(command: Command): Command {
  return command
    .option(
      '--envelope <file>',
      'a sealed credential; only its public header is looked at. One of --envelope and --policy is required',
    )
    .option('--policy <file>', 'rules by themselves, as JSON: {"allow":[…],"spki":[…]} (docs/cli.md)')
    .option('--body <file>', 'the JSON body of the request')
    .option('--websocket', 'the request opens a WebSocket')
    .option('--details <file>', 'authorization_details of a token, which narrow them')
    .option('--operator <file>', "configuration with the executor's rules, which narrow both")
    .option('--at <time>', "time for the operator's hours, as 2026-11-29T10:00:00Z (default: now)")
    .option('--json', 'one JSON document on stdout')
    .allowExcessArguments(true)
    .hook('preAction', (_, action) => refuseExtra(action));
}
