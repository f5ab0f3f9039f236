/**
 * Keys that a TLS server has to prove (§2.1 `spki`): pins of the SubjectPublicKeyInfo of certificates, per origin.
 * Only ever narrows: the certificate has to be good without it, and an origin that no pin names is as it was.
 */
import { parseThumbprint } from './jwk.ts';
import { LIMITS } from './limits.ts';
import { originParts, parseOrigin, type Origin } from './origin.ts';
import { distinct, exactObject, list, refuse } from './shape.ts';

export interface SpkiPins {
  readonly origin: Origin;
  /** RFC 7469 §2.4, in base64url: SHA-256 of the DER of a SubjectPublicKeyInfo. */
  readonly sha256: readonly string[];
}

/**
 * @param origins where the credential goes: those of its rules, and of the endpoint at which it is exchanged
 * @throws DAuthError `INVALID_REQUEST`, also for pins of an origin that the credential never goes to: misspelt, they would
 * leave the right one without any
 */
export function parseSpki(value: unknown, origins: readonly Origin[]): readonly SpkiPins[] {
  const pins = distinct(
    list(value, '"spki"', 1, LIMITS.policyNames, parsePins),
    '"spki"',
    ({ origin }: SpkiPins) => origin,
  );
  if (pins.some(({ origin }) => !origins.includes(origin)))
    refuse('"spki" names an origin that the credential does not go to.');
  return pins;
}

function parsePins(value: unknown): SpkiPins {
  const pins = exactObject(value, 'An entry of "spki"', ['origin', 'sha256']);
  const origin = parseOrigin(pins.origin);
  if (originParts(origin).scheme !== 'https') refuse('"spki" is for https: plain http proves no key.');
  const parsePin = (pin: unknown): string => parseThumbprint(pin, 'A pin of "spki"');
  const sha256 = distinct(list(pins.sha256, '"sha256"', 1, LIMITS.spkiPins, parsePin), '"sha256"', String);
  return Object.freeze({ origin, sha256 });
}

/** The pins of an origin; undefined where there are none, and any good certificate will do. */
export function pinsFor(
  { spki }: { readonly spki?: readonly SpkiPins[] },
  origin: Origin,
): readonly string[] | undefined {
  return spki?.find((pins) => pins.origin === origin)?.sha256;
}
