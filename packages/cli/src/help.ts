/** What `--help` shows beside the options, and what is said of a command that cannot be understood. Repeats no typed value. */
import { Help, type Command, type CommanderError, type HelpConfiguration } from 'commander';
import { usage, type CliError } from './output.ts';

/** What a command cannot do without stands first, and is said to be required. */
export const HELP: HelpConfiguration = {
  helpWidth: 80,
  visibleOptions(command) {
    const shown = Help.prototype.visibleOptions.call(this, command);
    return [...shown.filter(({ mandatory }) => mandatory), ...shown.filter(({ mandatory }) => !mandatory)];
  },
  optionDescription(option) {
    const said = Help.prototype.optionDescription.call(this, option);
    return option.mandatory ? `${said} (required)`.trim() : said;
  },
};

/** A command over several lines, as a shell takes it. */
const over = (...lines: readonly string[]): string => lines.join(' \\\n    ');

const CONNECT = over(
  'dauth connect github --key laptop.jwk --origin https://api.github.com',
  '--server https://mcp.example/mcp < token.txt',
);
const TEST = over('dauth policy test GET https://api.github.com/repos/octo/hello', '--envelope github.jwe');
const EXPLAIN = over(
  'dauth policy explain POST https://api.github.com/user',
  '--policy rules.json --details token-details.json --json',
);

const EXAMPLES: Readonly<Record<string, readonly string[]>> = Object.freeze({
  dauth: [
    'dauth start',
    'dauth servers add --resource https://mcp.example/mcp --generate mcp-server.jwk',
    'dauth clients add --name laptop --generate laptop.jwk',
    CONNECT,
  ],
  'dauth start': ['dauth start --data ./.dauth', 'dauth start --port 0 --json'],
  'dauth serve': ['dauth serve authority --config authority.yaml', 'dauth serve executor --config executor.yaml'],
  'dauth login': ['dauth login https://auth.example', 'dauth login --scope dauth:connections.read'],
  'dauth logout': ['dauth logout', 'dauth logout --json'],
  'dauth clients': ['dauth clients add --name laptop --generate laptop.jwk', 'dauth clients ls'],
  'dauth clients add': [
    'dauth clients add --name laptop --generate laptop.jwk',
    'dauth clients add --name runner --jwk runner-public.jwk --scope mcp:use',
    over('dauth clients add --name app --public', '--redirect-uri https://app.example/callback'),
  ],
  'dauth servers': [
    'dauth servers add --resource https://mcp.example/mcp --generate mcp-server.jwk',
    'dauth servers ls --json',
  ],
  'dauth servers add': [
    'dauth servers add --resource https://mcp.example/mcp --generate mcp-server.jwk',
    over('dauth servers add --resource http://127.0.0.1:3000/mcp', '--generate mcp-server.jwk --scope mcp:use'),
  ],
  'dauth users': ['dauth users add --login ada --name "Ada Lovelace"', 'dauth users ls'],
  'dauth grants': [
    over('dauth grants add --key laptop.jwk --client CLIENT_ID', '--resource https://mcp.example/mcp --expires-in 30'),
    'dauth grants rm GRANT_ID --key laptop.jwk',
  ],
  'dauth keys': ['dauth keys rotate', 'dauth keys rotate --json'],
  'dauth connect': [
    CONNECT,
    over(
      'dauth connect jira --origin https://example.atlassian.net',
      '--server https://mcp.example/mcp --field user --field pass',
      '--inject "basic:USER={user},PASS={pass}" < login.json',
    ),
  ],
  'dauth connections': ['dauth connections ls --key laptop.jwk', 'dauth connections revoke HANDLE --key laptop.jwk'],
  'dauth connections rotate': ['dauth connections rotate HANDLE --key laptop.jwk < new-token.txt'],
  'dauth policy': [TEST, EXPLAIN],
  'dauth policy test': [
    TEST,
    over('dauth policy test POST https://api.github.com/graphql', '--policy rules.json --body request.json'),
  ],
  'dauth policy explain': [EXPLAIN],
  'dauth audit': ['dauth audit tail --follow', 'dauth audit export > journal.jsonl'],
  'dauth doctor': ['dauth doctor', 'dauth doctor --authority https://auth.example --executor-identity THUMBPRINT'],
  'dauth config': ['dauth config show --origin', 'dauth config validate --config dauth.yaml'],
});

/** Appends the examples of every command that has some. */
export function addExamples(command: Command, path = command.name()): void {
  const examples = EXAMPLES[path];
  if (examples !== undefined)
    command.addHelpText('after', `\nExamples:\n${examples.map((each) => `  ${each}\n`).join('')}`);
  for (const each of command.commands) addExamples(each, `${path} ${each.name()}`);
}

/** Commander repeats what was typed, which may be a credential; only the names of options and commands are ours to repeat. */
export function describeMisuse(error: CommanderError, program: Command, words: readonly string[]): CliError {
  const path = pathOf(program, words);
  const help = `See "${path} --help".`;
  const suggestion = /\(Did you mean [^)]+\)/.exec(error.message)?.[0] ?? '';
  switch (error.code) {
    case 'commander.unknownCommand':
      return usage(`There is no such command. ${suggestion}`.trim(), help);
    case 'commander.unknownOption':
      return usage(`There is no such option here. ${suggestion}`.trim(), help);
    case 'commander.excessArguments':
      return usage(
        'There is an argument too many.',
        path === 'dauth start'
          ? 'Did you mean "dauth start --data DIR", or "dauth serve authority|executor --config FILE"?'
          : help,
      );
    case 'commander.missingMandatoryOptionValue':
      return usage(`"${path}" needs the option ${/'([^']+)'/.exec(error.message)?.[1] ?? ''}.`, help);
    case 'commander.missingArgument':
      return usage(`"${path}" needs the argument ${/'([^']+)'/.exec(error.message)?.[1] ?? ''}.`, help);
    case 'commander.optionMissingArgument':
      return usage('An option lacks its value.', help);
    default:
      return usage('The command cannot be understood.', help);
  }
}

/** The command that was meant, by the words of it that exist. */
function pathOf(program: Command, words: readonly string[]): string {
  let path = program.name();
  let at: Command | undefined = program;
  for (const word of words) {
    at = at?.commands.find((each) => each.name() === word);
    if (at === undefined) break;
    path += ` ${at.name()}`;
  }
  return path;
}
