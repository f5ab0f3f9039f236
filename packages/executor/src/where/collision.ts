/**
 * Slots belong to the credential (protocol.md §5 step 4): a request that names one itself is refused.
 * Never sees a value: it compares the names in the request with the names in the sealed policy.
 */
import {
  bareName,
  bareNames,
  bodySlots,
  DAuthError,
  headerSlotKey,
  slotKeys,
  slotsOf,
  type Injection,
} from '@dauth/protocol';

/** How the key of a query slot begins. */
const QUERY = 'query ';

/**
 * Refuses a request whose header, cookie or query would stand beside an injected one, so that the upstream could read
 * the caller's instead of ours.
 * @param request `target` raw path and query; `headers` with lowercase names, without what the door consumed
 * @throws DAuthError `POLICY_DENIED`
 */
export function assertSlotsFree(
  injections: readonly Injection[],
  request: { readonly target: string; readonly headers: readonly (readonly [name: string, value: string])[] },
): void {
  const slots = new Set(injections.flatMap(slotKeys));
  const hasCookie = slotsOf(injections).some((injection) => injection.in === 'cookie');
  for (const [name] of request.headers) {
    if (slots.has(headerSlotKey(name)) || (hasCookie && name === 'cookie')) throw taken();
  }
  const inQuery = [...slots].filter((slot) => slot.startsWith(QUERY));
  const names = new Set([...inQuery.map((slot) => slot.slice(QUERY.length)), ...formFields(injections)].map(bareName));
  const cut = request.target.indexOf('?');
  if (names.size === 0 || cut < 0) return;
  // Some servers separate with ";" too.
  for (const pair of request.target.slice(cut + 1).split(/[&;]/)) {
    if (isNamed(names, pair)) throw taken();
  }
}

/** Names of form fields, which a query must not have either: servlets look into it first. */
function formFields(injections: readonly Injection[]): readonly string[] {
  return bodySlots(injections).flatMap((slot) => ('field' in slot ? [slot.field] : []));
}

/**
 * Whether a pair of a query or a form has one of these names (`bareName`), to some server.
 * @throws DAuthError `POLICY_DENIED` for a name that is not well encoded
 */
export function isNamed(names: ReadonlySet<string>, pair: string): boolean {
  return bareNames(decodedName(pair.split('=', 1)[0]!)).some((name) => names.has(name));
}

export function decodedName(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    throw new DAuthError(
      'POLICY_DENIED',
      'The query or form has a name that is not well-formed percent-encoded UTF-8.',
    );
  }
}

export function taken(): DAuthError {
  return new DAuthError('POLICY_DENIED', 'The request names a slot that the sealed credential fills; leave it out.');
}
