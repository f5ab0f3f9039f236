/**
 * Schemes: how a credential signs each request instead of standing in it (§2.5), named by field and fixed text only.
 * Never holds a value and never signs: the executor does, from what stands here.
 */
import { AWS_HEADERS, AWS_QUERY, awsTemplates, parseAws, type AwsSigV4 } from './scheme-aws.ts';
import { hmacTemplates, parseHmac, type Hmac } from './scheme-hmac.ts';
import { OAUTH1_QUERY, oauth1Templates, parseOAuth1, type OAuth1 } from './scheme-oauth1.ts';
import { isObject } from './json.ts';
import { refuse } from './shape.ts';
import { namedFields } from './template.ts';

export type Scheme = AwsSigV4 | Hmac | OAuth1;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseScheme(value: unknown): Scheme {
  switch (isObject(value) && value.scheme) {
    case 'aws_sigv4':
      return parseAws(value);
    case 'hmac':
      return parseHmac(value);
    case 'oauth1':
      return parseOAuth1(value);
    default:
      return refuse(
        'A scheme is "aws_sigv4", "hmac", "oauth1", "client_credentials", "jwt_bearer", "github_app", "token_exchange", "id_jag", "oauth2", "postgres" or "mtls".',
      );
  }
}

/** The field names a scheme refers to. */
export function schemeFields(scheme: Scheme): readonly string[] {
  switch (scheme.scheme) {
    case 'aws_sigv4':
      return namedFields(awsTemplates(scheme));
    case 'hmac':
      return namedFields(hmacTemplates(scheme));
    case 'oauth1':
      return namedFields(oauth1Templates(scheme));
  }
}

/** The slots that a scheme occupies, wherever it puts its signature. */
export function schemeSlots(scheme: Scheme): {
  readonly headers: readonly string[];
  readonly query: readonly string[];
} {
  switch (scheme.scheme) {
    case 'aws_sigv4':
      return { headers: AWS_HEADERS, query: AWS_QUERY };
    case 'hmac': {
      const named = (place: string): string[] => scheme.put.flatMap(({ in: at, name }) => (at === place ? [name] : []));
      return { headers: named('header'), query: named('query') };
    }
    case 'oauth1':
      return { headers: ['authorization'], query: OAUTH1_QUERY };
  }
}
