/** `--spki`: pins of the keys of certificates, of the origin or of another one by name, and the same in words. */
import { parseOrigin, parseSpki, type SpkiPins } from '@dauth/protocol';
import type { InjectionInput } from '@dauth/client';
import { given } from './output.ts';

/** A pin has no "=", and an origin has none either. */
const PIN = /^(?:([^=]*)=)?([^=]*)$/;

/**
 * @param given pins of `origin`, or ORIGIN=PIN for that of a token endpoint
 * @throws CliError (usage)
 */
export function stateSpki(
  pins: readonly string[],
  origin: string,
  inject: readonly InjectionInput[],
): readonly SpkiPins[] {
  const named = pins.map((pin) => PIN.exec(pin) ?? [pin, undefined, pin]);
  const origins = [...new Set(named.map(([, other = origin]) => other))];
  const stated = origins.map((of) => ({
    origin: of,
    sha256: named.flatMap(([, other = origin, pin]) => (other === of ? [pin] : [])),
  }));
  const endpoints = inject
    .flatMap((slot) => ('endpoint' in slot ? [slot.endpoint, ...('idp' in slot ? [slot.idp.endpoint] : [])] : []))
    .map((endpoint) => new URL(endpoint).origin);
  return given('--spki', stated, (value) => parseSpki(value, [origin, ...endpoints].map(parseOrigin)));
}

export function saySpki({ origin, sha256 }: { readonly origin: string; readonly sha256: readonly string[] }): string {
  return `to ${origin} only where the certificate leads to the key ${sha256.join(' or ')}`;
}
