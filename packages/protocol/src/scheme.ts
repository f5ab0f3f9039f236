/**
 * Schemes: how a credential signs each request instead of standing in it (§2.5), named by field and fixed text only.
 * Never holds a value and never signs: the executor does, from what stands here.
 */
import { AWS_HEADERS, AWS_QUERY, awsTemplates, parseAws, type AwsSigV4 } from './scheme-aws.ts';
import { hmacTemplates, parseHmac, type Hmac } from './scheme-hmac.ts';
import { isObject } from './json.ts';
import { refuse } from './shape.ts';
import { namedFields } from './template.ts';

export type Scheme = AwsSigV4 | Hmac;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseScheme(value: unknown): Scheme {
  switch (isObject(value) && value.scheme) {
    case 'aws_sigv4':
      return parseAws(value);
    case 'hmac':
      return parseHmac(value);
    default:
      return refuse('A scheme is "aws_sigv4" or "hmac".');
  }
}

/** The field names a scheme refers to. */
export function schemeFields(scheme: Scheme): readonly string[] {
  return namedFields(scheme.scheme === 'hmac' ? hmacTemplates(scheme) : awsTemplates(scheme));
}

/** The slots that a scheme occupies, wherever it puts its signature. */
export function schemeSlots(scheme: Scheme): {
  readonly headers: readonly string[];
  readonly query: readonly string[];
} {
  if (scheme.scheme === 'aws_sigv4') return { headers: AWS_HEADERS, query: AWS_QUERY };
  const named = (place: string): string[] => scheme.put.flatMap(({ in: at, name }) => (at === place ? [name] : []));
  return { headers: named('header'), query: named('query') };
}
