/**
 * Paths, queries, bodies and rules as nobody would write them, against an oracle that shares no line with what it judges: a
 * request arrives octet for octet as it was sent, or it does not arrive. `DAUTH_FUZZ_RUNS=20000` for a night.
 */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import fc from 'fast-check';
import { allowsRequest, JsonBody, parseAllow, parseJson, splitTarget, type Method, type Origin } from '@dauth/protocol';
import { proves } from '../../claims.ts';
import { laySiege, type Siege } from './siege.ts';

const RUNS = Number(process.env.DAUTH_FUZZ_RUNS ?? 0);
/** Runs of a property that asks real processes, and of one that only calls. */
const [DIALLED, CALLED] = [RUNS || 150, RUNS * 10 || 3_000];

const SEALED = ['/user', '/a/*', '/a/*/c', '/b/**', '/d/*/**', '/e/'];

// --- the oracle: spec/dauth.md §1.1 and §2.1 once more, as one regular expression for each pattern and one for what nobody allows

const PCHAR = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})";
const NO_BREAK = `(?:(?!%(?:00|2[Ff]|5[Cc]))${PCHAR})`;

function isAllowed(patterns: readonly string[], target: string): boolean {
  const [, path = '', query] = /^([^?]*)(?:\?(.*))?$/s.exec(target) ?? [];
  if (query !== undefined && /[^\x21-\x7e]|["#<>]/.test(query)) return false;
  // What some server decodes, cuts at ";" and then walks up.
  const walked = unescaped(path).replaceAll('\\', '/').replaceAll('\0', '');
  if (walked.split('/').some((step) => ['.', '..'].includes(step.replace(/;.*$/s, '')))) return false;
  if (!new RegExp(`^(?:/${PCHAR}+)*/?$`).test(path) || path === '') return false;
  return patterns.some((pattern) => matcherOf(pattern).test(path));
}

function matcherOf(pattern: string): RegExp {
  const whole = pattern
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\\\*\\\*$/, () => `(?:${PCHAR}|/)*`)
    .replaceAll('/\\*', () => `/${NO_BREAK}+`);
  return new RegExp(`^${whole}$`);
}

function unescaped(path: string): string {
  return path.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

// --- what is tried

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'user', 'x', '*', '**', 'A', 'User') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '.',
      '..',
      '...',
      '%2e',
      '%2E%2e',
      '.%2e',
      '..;x',
      '%2e;',
      ';',
      ';..',
      '.%00',
      '%00',
      '..%00',
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '%2f',
      '%2F..%2f',
      '%5c',
      '%5C..',
      '\\',
      '%25',
      '%252e%252e',
      '%',
      '%2',
      '%zz',
      '%c0%ae',
      '%ef%bc%8f',
    ),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 4 }).filter((text) => !text.includes('/')) },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', '\t', '#', '?', '"', '<', 'é', '\u2215', "!$&'()*+,=:@~") },
);
const path = fc
  .tuple(fc.constantFrom('/', '/', '/', '', '//', '/a/', '/b/', '/d/x/'), fc.array(piece, { maxLength: 5 }))
  .map(([start, pieces]) => start + pieces.join('/'));
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '?',
      '?x=1&x=2',
      '?a[]=1;b',
      '??',
      '?/../',
      '?%',
      '?x=#',
      '?x="',
      '?x=<',
      '?é',
      '?x=%0d%0a',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 6 }).map((text) => `?${text}`) },
);
const target = fc.tuple(path, query).map(([raw, behind]) => raw + behind);

describe('requests that nobody would write', { timeout: 900_000 }, () => {
  let siege: Siege;
  before(async () => {
    const paths = SEALED.flatMap((each) => ['--path', each]);
    siege = await laySiege({ connect: ['--method', 'GET', ...paths] });
  });
  after(() => siege?.[Symbol.asyncDispose]());

  /** The target of the one request that arrived, or undefined where none did. */
  async function arrivedOf(attack: () => Promise<unknown>): Promise<string | undefined> {
    const sent = siege.upstream.arrived.length;
    await attack();
    const [first, ...more] = siege.upstream.arrived.slice(sent);
    assert.deepEqual(more, [], 'one request is one request');
    return first?.line.replace(/^GET /, '').replace(/ HTTP\/1\.1$/, '');
  }

  proves('dispatch.bound', 'a target of the buffered form arrives as it was sent, or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(target, async (sent) => {
        const arrived = await arrivedOf(() => siege.dispatch({ path: sent }));
        assert.equal(arrived, isAllowed(SEALED, sent) ? sent : undefined, JSON.stringify(sent));
      }),
      { numRuns: DIALLED },
    );
  });

  proves('dispatch.bound', 'a target of the streaming form arrives as it was sent, or not at all', async () => {
    // What ends a request line, or is no octet, is no target of any request.
    const line = target.filter((sent) => sent.startsWith('/') && /^[\x21-\x7e]*$/.test(sent));
    await fc.assert(
      fc.asyncProperty(line, async (sent) => {
        const arrived = await arrivedOf(() => siege.stream(sent));
        assert.equal(arrived, isAllowed(SEALED, sent) ? sent : undefined, JSON.stringify(sent));
      }),
      { numRuns: DIALLED },
    );
  });

  proves('dispatch.bound', 'control: what the properties try is often allowed, and more often not', () => {
    const tried = fc.sample(target, 3_000).map((sent) => isAllowed(SEALED, sent));
    const allowed = tried.filter(Boolean).length;
    assert.ok(allowed > 100 && allowed < 2_500, `${allowed} of 3000`);
  });
});

const ORIGIN = 'https://api.example' as Origin;

describe('rules that nobody would write', () => {
  proves('dispatch.bound', 'a rule with any patterns takes the targets that the oracle takes, and no other', () => {
    const segment = fc.constantFrom('a', 'b', 'c', '*', 'x.y', 'a+b', '(a)', '$', '%41', '~');
    const pattern = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '/', '/**'))
      .map(([segments, end]) => `/${segments.join('/')}${end}`);
    const near = fc.oneof(
      target,
      fc
        .array(fc.oneof(segment, fc.constantFrom('%2f', 'x', '', 'A', '%41', '%5C')), { minLength: 1, maxLength: 5 })
        .map((all) => `/${all.join('/')}`),
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }), near, (patterns, sent) => {
        const rules = parseAllow([{ origin: ORIGIN, methods: ['GET'], paths: patterns }]);
        const isTaken = takes(rules, sent);
        if (isTaken) taken++;
        assert.equal(isTaken, isAllowed(patterns, sent), `${JSON.stringify(sent)} by ${patterns.join(' ')}`);
      }),
      {
        numRuns: CALLED,
        // Encoded separators where each kind of segment stands: chance alone tries them beside a pattern that fits too seldom.
        examples: ['%2f', '%5C', '%00', 'x%2fy'].flatMap((odd): [string[], string][] => [
          [['/a/*'], `/a/${odd}`],
          [['/*/a'], `/${odd}/a`],
          [['/*/**'], `/${odd}/a`],
          [['/a/**'], `/a/${odd}`],
        ]),
      },
    );
    assert.ok(taken > CALLED / 100, `control: ${taken} were taken`);
  });

  function takes(rules: ReturnType<typeof parseAllow>, sent: string): boolean {
    try {
      return allowsRequest(rules, { origin: ORIGIN, method: 'GET' as Method, ...splitTarget(sent) });
    } catch {
      return false;
    }
  }

  /** Readers of a query, each with its own idea of it: what one of them finds has to be a listed name, once. */
  const READERS: Readonly<Record<string, (raw: string) => readonly string[]>> = {
    'URL standard': (raw) => [...new URLSearchParams(raw).keys()],
    'with ";" between': (raw) => [...new URLSearchParams(raw.replaceAll(';', '&')).keys()],
    'without decoding': (raw) => raw.split('&').map((pair) => pair.split('=', 1)[0]!),
  };
  proves('dispatch.bound', 'of a query that a rule takes every reader finds listed names, each once', () => {
    const raw = fc
      .array(
        fc.tuple(
          fc.constantFrom('q', 'page', 'Q', 'q[]', '%71', 'q%00', '', '+q', 'sort', 'a.b'),
          fc.constantFrom('', '=', '=1', '=a%26sort=1', '=;sort'),
          fc.constantFrom('&', ';', '&&'),
        ),
        { maxLength: 4 },
      )
      .map((pairs) =>
        pairs
          .flat()
          .join('')
          .replace(/[&;]+$/, ''),
      );
    const [rule] = parseAllow([{ origin: ORIGIN, methods: ['GET'], paths: ['/a'], query: ['q', 'page'] }]);
    let taken = 0;
    fc.assert(
      fc.property(raw, (sent) => {
        if (!takes([rule!], `/a?${sent}`)) return;
        taken++;
        for (const [reader, namesOf] of Object.entries(READERS)) {
          const names = namesOf(sent);
          assert.equal(new Set(names).size, names.length, `${reader}: ${sent}`);
          for (const name of names) assert.ok(['q', 'page'].includes(name), `${reader}: ${sent}`);
        }
      }),
      { numRuns: CALLED },
    );
    assert.ok(taken > 0, 'control: some are taken');
  });

  /** Readers of JSON that merge or fold in their own ways: whichever an upstream has, it finds what the condition says. */
  const FOLDS: Readonly<Record<string, (name: string) => string>> = {
    'as it is': (name) => name,
    'without case': (name) => name.toLowerCase(),
    'in C': (name) => name.split('\0', 1)[0]!,
    'Protocol Buffers': (name) => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  };
  proves('dispatch.bound', 'of a body that a condition takes every reader finds what it says', () => {
    const name = fc.constantFrom('userId', 'user_id', 'USERID', 'userId\0x', 'user-id', 'b');
    const members = fc.array(fc.tuple(name, fc.constantFrom(1, 2, '1', null, true)), { maxLength: 4 });
    const rules = [{ equals: 1 }, { absent: true }].map((said) =>
      parseAllow([{ origin: ORIGIN, methods: ['POST'], paths: ['/a'], body: [{ pointer: '/userId', ...said }] }]),
    );
    const counts = [0, 0];
    fc.assert(
      fc.property(members, fc.boolean(), (pairs, first) => {
        const text = `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
        let body: JsonBody;
        try {
          body = new JsonBody(parseJson(text, 1_000, 'kept'));
        } catch {
          return;
        }
        for (const [index, rule] of rules.entries()) {
          if (!allowsRequest(rule, { origin: ORIGIN, method: 'POST' as Method, path: '/a', query: '', body })) continue;
          counts[index]!++;
          for (const [reader, fold] of Object.entries(FOLDS)) {
            const found = pairs.filter(([key]) => fold(key) === fold('userId')).map(([, value]) => value);
            const read = first ? found[0] : found.at(-1);
            assert.equal(read, index === 0 ? 1 : undefined, `${reader}: ${text}`);
          }
        }
      }),
      { numRuns: CALLED },
    );
    assert.ok(
      counts.every((count) => count > 0),
      'control: both conditions are met sometimes',
    );
  });
});
