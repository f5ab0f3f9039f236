/**
 * Where a request may go by address (protocol.md §5 step 4): every resolved address must be globally routable.
 * Never dials: `dial.ts` connects to exactly the addresses checked here, so a name that changes its mind goes nowhere.
 */
import { lookup } from 'node:dns/promises';
import { DAuthError, originParts, type Origin } from '@dauth/protocol';
import ipaddr from 'ipaddr.js';

/** An origin with the addresses that were checked for it, in the resolver's order. */
export interface CheckedAddress {
  readonly origin: Origin;
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  readonly ips: readonly string[];
}

/** All addresses of a host. */
export type Resolver = (host: string) => Promise<readonly string[]>;

export interface AddressOptions {
  readonly resolve: Resolver;
  /** Tests and demos only: loopback addresses, and http to them. */
  readonly dangerouslyAllowLoopback: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly timeoutMs: number;
}

/** How long an answer is used again. What is dialled is what was checked, so an old answer is late but never unsafe. */
const REMEMBER_MS = 10_000;
const REMEMBERED = 1_024;
/** RFC 4291 §2.4: the only range from which global unicast addresses are given out. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

export const systemResolver: Resolver = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Checks origins and remembers the answers for a few seconds. */
export class AddressBook {
  readonly #options: AddressOptions;
  readonly #known = new Map<Origin, { readonly address: CheckedAddress; readonly until: number }>();

  constructor(options: AddressOptions) {
    this.#options = options;
  }

  /** @throws DAuthError `POLICY_DENIED`, `DOWNSTREAM_UNREACHABLE`, `DOWNSTREAM_TIMEOUT` */
  async check(origin: Origin): Promise<CheckedAddress> {
    const known = this.#known.get(origin);
    if (known !== undefined && known.until > this.#options.now()) return known.address;
    const { scheme, host, port } = originParts(origin);
    if (scheme === 'http' && !this.#options.dangerouslyAllowLoopback) throw denied();
    const ips = await this.#resolve(host);
    // One bad address refuses them all: which one a later connection would take is not for the resolver to choose.
    for (const ip of ips) this.#assertAllowed(ip, scheme);
    const address = Object.freeze({ origin, scheme, host, port, ips });
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(origin, { address, until: this.#options.now() + REMEMBER_MS });
    return address;
  }

  async #resolve(host: string): Promise<readonly string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DAuthError('DOWNSTREAM_TIMEOUT')), this.#options.timeoutMs);
    });
    try {
      const ips = await Promise.race([this.#options.resolve(host), late]);
      if (ips.length === 0) throw new DAuthError('DOWNSTREAM_UNREACHABLE');
      return ips;
    } catch (error) {
      throw error instanceof DAuthError ? error : new DAuthError('DOWNSTREAM_UNREACHABLE');
    } finally {
      clearTimeout(timer);
    }
  }

  #assertAllowed(ip: string, scheme: 'https' | 'http'): void {
    if (this.#options.dangerouslyAllowLoopback && isLoopback(ip)) return;
    if (scheme === 'http' || !isGloballyRoutable(ip)) throw denied();
  }
}

/** Global unicast and nothing that only looks like it: no mapped, translated or tunnelled address of another network. */
export function isGloballyRoutable(ip: string): boolean {
  if (!ipaddr.isValid(ip)) return false;
  const address = ipaddr.process(ip);
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(GLOBAL_V6);
}

function isLoopback(ip: string): boolean {
  return ipaddr.isValid(ip) && ipaddr.process(ip).range() === 'loopback';
}

function denied(): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    'The origin does not resolve to public addresses only, so nothing is sent to it.',
  );
}
