/**
 * The authority as a process under the conformance suite's mode `authorization`: the suite is the client and reads metadata,
 * a person signs in and consents, and the code is redeemed. Once by a client as any other, once by one marked Bearer.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Person } from '../support/person.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';
import { AUTHORIZATION_RUNS } from './authorization-results.ts';
import { expectedOf } from './result.ts';
import { outcomes, runSuite } from './suite.ts';

const RESOURCE = 'https://mcp.example/mcp';
const ADA = { login: 'ada', password: 'a horse that counts to seven' };

describe("MCP's conformance suite at the authority", { timeout: 170_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    await new Person(stack.ready.authority).setUp(stack.ready.first_run!, ADA);
    const key = ['--generate', join(dir.path, 'server.jwk')];
    await stack.dauth(['servers', 'add', '--resource', RESOURCE, ...key, '--scope', 'mcp:use']);
  });
  after(async () => {
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  for (const { run, flags } of AUTHORIZATION_RUNS)
    test(`${run.title} ends as docs/conformance.md says`, async () => {
      const port = await freePort();
      const redirect = ['--redirect-uri', `http://127.0.0.1:${port}/callback`, '--scope', 'mcp:use'];
      const add = ['clients', 'add', '--name', 'suite', '--public', ...redirect, ...flags];
      const { client_id: id } = await stack.dauth<{ client_id: string }>(add);
      const { authority } = stack.ready;
      const args = ['--url', authority, '--client-id', id, '--resource', RESOURCE, '--port', String(port)];
      const found = await runSuite(['authorization', ...args], {
        on: [
          /^http\S+\/authorize\?/,
          async (address) => {
            const { back } = await new Person(authority).allow(new URL(address), ADA);
            await fetch(back);
          },
        ],
      });
      assert.deepEqual(outcomes(found), expectedOf(run), JSON.stringify([...found]));
    });
});
