/** Which fields of a credential are private keys, and by what they sign (§2.6, §2.9). Never holds a value. */
import { certificateOf, tokenSchemeOf, type Injection } from './inject.ts';
import type { SigningAlg } from './jwt-bearer.ts';
import { mtlsFields } from './scheme-mtls.ts';
import { namedFields, type Template } from './template.ts';

export interface KeyUse {
  readonly field: string;
  /** Absent where TLS is spoken with it, by whatever its kind is. */
  readonly alg?: SigningAlg;
}

export function keyUses(injections: readonly Injection[]): readonly KeyUse[] {
  const certified = certificateOf(injections);
  if (certified !== undefined) return [{ field: mtlsFields(certified)[1]! }];
  const scheme = tokenSchemeOf(injections);
  if (scheme === undefined) return [];
  return ['idp' in scheme ? scheme.idp : {}, scheme].flatMap(signedBy);
}

/** GitHub takes RS256 alone, and its scheme does not say so. */
function signedBy(signing: { readonly private_key?: Template; readonly alg?: SigningAlg }): readonly KeyUse[] {
  const { private_key: key, alg = 'RS256' } = signing;
  return key === undefined ? [] : namedFields([key]).map((field) => ({ field, alg }));
}
