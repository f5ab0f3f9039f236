/**
 * What the conformance suite starts as a client, once per scenario: hands what it was told to the client behind a socket and
 * ends as that says. Loads nothing else, so that forty of them at once are no burden.
 */
import { connect } from 'node:net';

const [socket, server] = process.argv.slice(2);
const { MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_PROTOCOL_VERSION, MCP_CONFORMANCE_CONTEXT } = process.env;
const told = {
  server,
  scenario: MCP_CONFORMANCE_SCENARIO ?? '',
  version: MCP_CONFORMANCE_PROTOCOL_VERSION ?? '',
  context: JSON.parse(MCP_CONFORMANCE_CONTEXT ?? '{}') as object,
};
// Without an answer it failed.
process.exitCode = 1;
let said = '';
const connection = connect(socket!);
connection.write(`${JSON.stringify(told)}\n`);
connection
  .setEncoding('utf8')
  .on('data', (text: string) => (said += text))
  .on('end', () => {
    if (said === 'done') process.exitCode = 0;
    else console.error(said);
  });
