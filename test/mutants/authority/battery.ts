/** Defences of `authority` that the negative battery must miss, over its socket. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', source, 'test/dist/attacks/authority/battery.test.js', rows);

export const BATTERY: readonly Mutant[] = [
  ...of('http', [
    [
      'token.bound',
      "headers.set('cache-control', 'no-store');",
      "headers.set('cache-control', 'private');",
      'token.no-grant: no grant type (RFC 6749 §5.2)',
    ],
  ]),
  ...of('oauth/redirect', [
    [
      'token.bound',
      'if (registered === asked) return true;',
      'if (asked.startsWith(registered)) return true;',
      'authorize.redirect-more-query: a redirect URI with more in its query (RFC 9700 §2.1)',
    ],
    [
      'token.bound',
      ', iss: issuer };',
      ", ...(issuer === '' ? { iss: issuer } : {}) };",
      'authorize.unknown-scope: a scope that the resource does not have (RFC 6749 §3.3)',
    ],
  ]),
  ...of('oauth/exchange', [
    [
      'token.bound',
      "const NOT_TAKEN = 'invalid_request';",
      "const NOT_TAKEN = 'invalid_grant';",
      'exchange.forged: a token that somebody else signed (RFC 8693 §2.2.2)',
    ],
    [
      'token.bound',
      'if (isNarrower(details, subject.details)) return details;',
      'if (isNarrower(details, subject.details) || details.length === 1) return details;',
      'exchange.wider-method: more methods than the caller has (RFC 9396 §6.1)',
    ],
    [
      'token.bound',
      'subject.exp + LIMITS.clockLeewaySeconds > now()',
      'subject.exp + LIMITS.callWindowSeconds > now()',
      'exchange.ended: a token that has ended (RFC 8693 §2.2.2)',
    ],
  ]),
  ...of('oauth/offered', [
    [
      'token.bound',
      'server === undefined || server.org !== client.org) {',
      "server === undefined || server.org !== client.org) {\n    if (server !== undefined) throw new OAuthError('invalid_target', 'It is for others.');",
      'silence.credentials-resource: a resource of another organisation, and none: one answer',
    ],
  ]),
];
