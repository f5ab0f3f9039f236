/** Defences of writes that share a transaction, and of rows whose reading is shared, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from '../mutant.ts';

const GROUP = 'packages/authority/dist/store/group.test.js';
const UNTOLD = '[crash.safe] where a commit fails nobody of it is told that something is stored';
const ENDED = '[crash.safe] a part that ends the transaction ends it for all, whatever the part says itself';
const ALONE = '[token.bound] what is refused leaves nothing behind, and takes nothing of the others with it';
const MARKED =
  '[token.bound] a client whose mark is taken away while others are answered gets no token without a key any more';
const REVOKED = '[revoke.fast] a client that is revoked while others are answered is no client any more';

const REMEMBERED = 'packages/authority/dist/store/remembered.test.js';
const ANEW = '[token.bound] a client, a server and a grant are what their rows say now, whoever wrote them';
const OTHERS = '[token.bound] what is remembered of one row is nothing that its reader can change for others';

export const GROUPED: readonly Mutant[] = [
  ...of('authority', 'store/group', GROUP, [
    [
      'crash.safe',
      'group.map(({ body }) => this.#db.attempt(body))',
      'group.map(({ body, resolve }) => this.#db.attempt(() => (resolve(body() as never), undefined)))',
      UNTOLD,
    ],
  ]),
  ...of('authority', 'store/driver', GROUP, [
    ['crash.safe', "      this.exec('ROLLBACK');", "      this.exec('COMMIT');", UNTOLD],
    ['token.bound', "      this.run('ROLLBACK TO part');\n", "      this.run('SELECT 1');\n", ALONE],
    [
      'crash.safe',
      "throw new Error('A transaction ended before all of it was done.', { cause: reason });",
      'void 0;',
      ENDED,
    ],
  ]),
  ...of('authority', 'oauth/client-auth', GROUP, [
    [
      'revoke.fast',
      "  if (store.changes.isRevoked('client', client.client_id))\n",
      "  if (store.changes.isRevoked('client', ''))\n",
      REVOKED,
    ],
    ['token.bound', ' && !mayStillBeUnbound(authority, client))', ' && false)', MARKED],
  ]),
  ...of('authority', 'store/grants', REMEMBERED, [
    ['token.bound', "revoked.what = 'grant' AND revoked.id = grants.id)", "revoked.what = '')", ANEW],
  ]),
  ...of('authority', 'store/remembered', REMEMBERED, [
    ['token.bound', 'this.#made.get(text) ??', '[...this.#made.values()].at(-1) ??', ANEW],
  ]),
  ...of('protocol', 'frozen', REMEMBERED, [
    ['token.bound', '  return Object.freeze(value);', '  return value;', OTHERS],
  ]),
];
