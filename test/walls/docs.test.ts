/** Plants each kind of untruth into a page of its own and expects `tools/docs.mjs` to name it. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeTempDir, run } from '../support/process.ts';

const CHECK = fileURLToPath(new URL('../../../tools/docs.mjs', import.meta.url));
const CODE = 'code.ts';

/** What stands beside the page, wherever it is. */
const BESIDE: Readonly<Record<string, string>> = {
  [CODE]: 'before();\n// #region part\n  inside();\n// #endregion part\n',
  '.ci/run': 'npm test\n',
  'package.json': '{"scripts":{"test":"x","format":"x"}}',
  'page.test.ts': "await fence('README.md', 'taken');",
  'OTHER.md': '# A heading, here\n',
};

const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;

/** Pages that are true. */
const TRUE: readonly (readonly [kind: string, page: string, text: string])[] = [
  ['a snippet that is its file', 'README.md', fence(`ts file=${CODE}`, BESIDE[CODE]!.trimEnd())],
  ['a snippet that is its region', 'README.md', fence(`ts file=${CODE}#part`, 'inside();')],
  [
    'a link to a page and its heading',
    'README.md',
    '[a](OTHER.md) [b](OTHER.md#a-heading-here) [c](https://x.example/y)',
  ],
  ['a command that CI runs', 'README.md', fence('sh', 'npm test   # everything')],
  ['commands that a test takes', 'README.md', fence('sh test=page.test.ts#taken', 'npx dauth anything')],
  ['a script, for contributors', 'CONTRIBUTING.md', fence('sh', 'npm run format\nnpm test -- word')],
];

const FALSE: readonly (readonly [kind: string, page: string, text: string, says: string])[] = [
  [
    'a snippet that was edited',
    'README.md',
    fence(`ts file=${CODE}#part`, 'outside();'),
    `the snippet is not what stands in ${CODE}#part`,
  ],
  [
    'a region that is gone',
    'README.md',
    fence(`ts file=${CODE}#gone`, 'inside();'),
    `the snippet is not what stands in ${CODE}#gone`,
  ],
  [
    'a file that is gone',
    'README.md',
    fence('ts file=gone.ts', 'inside();'),
    'the snippet is not what stands in gone.ts',
  ],
  ['a link that leads nowhere', 'README.md', '[a](GONE.md)', 'the link to GONE.md leads nowhere'],
  ['a link to a heading that is gone', 'README.md', '[a](OTHER.md#gone)', 'the link to OTHER.md#gone names no heading'],
  [
    'a command that nothing runs',
    'README.md',
    fence('sh', 'npm test\nnpx dauth start # now'),
    'nothing runs "npx dauth start"',
  ],
  ['a script that nothing runs', 'README.md', fence('sh', 'npm run format'), 'nothing runs "npm run format"'],
  ['a script that is not there', 'CONTRIBUTING.md', fence('sh', 'npm run gone'), 'nothing runs "npm run gone"'],
  [
    'commands that their test does not take',
    'README.md',
    fence('sh test=page.test.ts#other', 'npx dauth start'),
    'page.test.ts does not run the fence other',
  ],
  [
    'commands whose test takes them from another page',
    'OTHER.md',
    fence('sh test=page.test.ts#taken', 'npx dauth start'),
    'page.test.ts does not run the fence taken',
  ],
  [
    'commands whose test is gone',
    'README.md',
    fence('sh test=gone.test.ts#taken', 'x'),
    'gone.test.ts does not run the fence taken',
  ],
  [
    'configuration that no test reads',
    'README.md',
    fence('yaml', 'a: 1'),
    'no test reads a yaml fence; name one with test=FILE#NAME',
  ],
];

async function check(page: string, text: string): Promise<{ code: number | null; stderr: string }> {
  await using dir = await makeTempDir();
  for (const [file, content] of Object.entries({ ...BESIDE, [page]: text })) {
    await mkdir(dirname(join(dir.path, file)), { recursive: true });
    await writeFile(join(dir.path, file), content);
  }
  return await run({ file: process.execPath, args: [CHECK, '--root', dir.path] });
}

suite('the page checker', () => {
  for (const [kind, page, text] of TRUE) {
    test(`takes ${kind}`, async () => {
      const { code, stderr } = await check(page, text);
      assert.deepEqual([code, stderr], [0, '']);
    });
  }
  for (const [kind, page, text, says] of FALSE) {
    test(`falls for ${kind}`, async () => {
      const { code, stderr } = await check(page, text);
      assert.deepEqual([code, stderr], [1, `${page}: ${says}.\n`]);
    });
  }
});
