/**
 * Rules that are asked about, from files: those of an envelope or of a policy file, and a token's details. Parsed by the codecs
 * of every other room; an envelope is not opened here, and who sealed it is not asked.
 */
import { readFileSync } from 'node:fs';
import {
  certificateOf,
  exactObject,
  JsonBody,
  LIMITS,
  parseAllow,
  parseDetails,
  parseEnvelope,
  parseJson,
  parseSpki,
  type AllowRule,
  type Capture,
  type Captured,
  type ConnectionDetail,
  type ConnectionHandle,
  type ConnectionLimits,
  type Method,
  type SpkiPins,
} from '@dauth/protocol';
import { given, usage } from './output.ts';

export interface RuleFlags {
  readonly envelope?: string;
  readonly policy?: string;
  readonly details?: string;
  readonly body?: string;
  readonly operator?: string;
  readonly at?: string;
  readonly websocket?: boolean;
}

export interface Rules {
  readonly allow: readonly AllowRule[];
  readonly spki: readonly SpkiPins[];
  readonly details: readonly ConnectionDetail[] | undefined;
  readonly handle: ConnectionHandle | undefined;
  /** Sealed with the rules, where they are an envelope's. */
  readonly limits?: ConnectionLimits;
  readonly capture?: Capture;
  readonly captured?: Captured;
  /** Likewise: a client certificate is shown (§2.9). */
  readonly certified?: true;
}

/** @throws CliError (usage) */
export function readRules({ envelope, policy, details: narrowing }: RuleFlags): Rules {
  if ((envelope === undefined) === (policy === undefined))
    throw usage('Rules come from --envelope FILE or from --policy FILE, one of the two.');
  const details =
    narrowing === undefined
      ? undefined
      : given('--details', readText('--details', narrowing), (text) =>
          parseDetails(parseJson(text as string, LIMITS.token)),
        );
  if (envelope !== undefined) {
    const { header } = given('--envelope', readText('--envelope', envelope).trim(), (text) =>
      parseEnvelope(text as string),
    );
    const { allow, spki = [], handle, limits, capture, captured, inject } = header.dauth;
    return {
      ...{ allow, details, handle, spki },
      ...(limits === undefined ? {} : { limits }),
      ...(capture === undefined ? {} : { capture }),
      ...(captured === undefined ? {} : { captured }),
      ...(certificateOf(inject) === undefined ? {} : { certified: true }),
    };
  }
  const { allow, spki } = given('--policy', readText('--policy', policy!), (text) => {
    const rules = exactObject(parseJson(text as string, LIMITS.envelopeHeader), 'A policy file', ['allow'], ['spki']);
    const parsed = parseAllow(rules.allow);
    const origins = parsed.map(({ origin }) => origin);
    return { allow: parsed, spki: rules.spki === undefined ? [] : parseSpki(rules.spki, origins) };
  });
  // Rules by themselves are of no connection, so a token's are taken to be of the one that it names.
  const [handle, ...others] = new Set(details?.map((detail) => detail.identifier));
  if (others.length > 0)
    throw usage('With --policy the details are of one connection; a policy file does not say which of them is meant.');
  return { allow, spki, details, handle };
}

/** The JSON body that is asked about, as an executor reads one. @throws CliError (usage) */
export function readBody({ body }: RuleFlags, method: Method): { body?: JsonBody | null } {
  // What a GET sends is in its URL; of other requests, nobody said that they have no body.
  if (body === undefined) return method === 'GET' ? { body: null } : {};
  const parse = (text: unknown) => parseJson(text as string, LIMITS.conditionedBody, 'kept');
  return { body: new JsonBody(given('--body', readText('--body', body), parse)) };
}

/** @throws CliError (usage) that names the flag */
export function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw usage(`The file that ${flag} names cannot be read.`);
  }
}
