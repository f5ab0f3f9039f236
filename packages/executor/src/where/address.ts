/**
 * Where a request may go by address (protocol.md §5 step 4): every resolved address must be globally routable.
 * Never dials: `dial.ts` connects to exactly the addresses checked here, so a name that changes its mind goes nowhere.
 */
import { lookup, Resolver as DnsResolver } from 'node:dns/promises';
import { DAuthError, originParts, type Origin, type OriginParts } from '@dauth/protocol';
import ipaddr from 'ipaddr.js';

/** An origin with the addresses that were checked for it, in the resolver's order. */
export interface CheckedAddress {
  readonly origin: Origin;
  readonly scheme: OriginParts['scheme'];
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
  /** The operator's: nothing goes to an address in one of these. */
  readonly deny?: readonly AddressRange[];
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly timeoutMs: number;
}

/** How long an answer is used again. What is dialled is what was checked, so an old answer is late but never unsafe. */
const REMEMBER_MS = 10_000;
const REMEMBERED = 1_024;
/** RFC 4291 §2.4: the only range from which global unicast addresses are given out. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** RFC 6761 §6.3: names that never leave this machine. The only ones that the hosts file is asked for. */
const LOOPBACK_NAME = /^(?:.+\.)?localhost$/;
/** Milliseconds and tries of one DNS query; the second one goes to the next server. */
const QUERY = { timeout: 2_500, tries: 2 };

/**
 * DNS by the configured servers, without `getaddrinfo`: that one waits in a pool of four threads, which also does the
 * journal's syncs, so that a tenant with slow names would stop everybody.
 */
export function makeSystemResolver(): Resolver {
  const dns = new DnsResolver(QUERY);
  return async (host) => {
    if (LOOPBACK_NAME.test(host))
      return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
    const answers = await Promise.allSettled([dns.resolve4(host), dns.resolve6(host)]);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  };
}

/** Checks origins and remembers the answers for a few seconds. */
export class AddressBook {
  readonly #options: AddressOptions;
  readonly #known = new Map<Origin, { readonly address: CheckedAddress; readonly until: number }>();
  readonly #asking = new Map<string, Promise<readonly string[]>>();

  constructor(options: AddressOptions) {
    this.#options = options;
  }

  /** @throws DAuthError `POLICY_DENIED`, `DOWNSTREAM_UNREACHABLE`, `DOWNSTREAM_TIMEOUT` */
  async check(origin: Origin): Promise<CheckedAddress> {
    const known = this.#known.get(origin);
    if (known !== undefined && known.until > this.#options.now()) return known.address;
    const { scheme, host, port } = originParts(origin);
    const isLocal = scheme === 'http' || LOOPBACK_NAME.test(host);
    if (isLocal && !this.#options.dangerouslyAllowLoopback) throw denied();
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
      const ips = await Promise.race([this.#ask(host), late]);
      if (ips.length === 0) throw new DAuthError('DOWNSTREAM_UNREACHABLE');
      return ips;
    } catch (error) {
      throw error instanceof DAuthError ? error : new DAuthError('DOWNSTREAM_UNREACHABLE');
    } finally {
      clearTimeout(timer);
    }
  }

  /** One question per name at a time: whoever comes while it is open shares its answer. */
  #ask(host: string): Promise<readonly string[]> {
    const open = this.#asking.get(host);
    if (open !== undefined) return open;
    const asked = this.#options.resolve(host).finally(() => this.#asking.delete(host));
    this.#asking.set(host, asked);
    return asked;
  }

  #assertAllowed(ip: string, scheme: OriginParts['scheme']): void {
    if (this.#options.deny?.some((range) => isWithin(ip, range)) === true) throw denied();
    if (this.#options.dangerouslyAllowLoopback && isLoopback(ip)) return;
    if (scheme === 'http' || !isGloballyRoutable(ip)) throw denied();
  }
}

/** A range of addresses in CIDR notation, as `parseRange` read it. */
export type AddressRange = readonly [first: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** @throws TypeError with a sentence for the operator */
export function parseRange(cidr: string): AddressRange {
  const [address = '', bits] = cidr.split('/');
  const isPlain =
    ipaddr.IPv4.isValidFourPartDecimal(address) || (ipaddr.IPv6.isValid(address) && !/[%.]/.test(address));
  if (bits === undefined || !isPlain || !ipaddr.isValidCIDR(cidr))
    throw new TypeError('"rules.deny.addresses" has ranges in CIDR notation, as 203.0.113.0/24 or 2001:db8::/32.');
  return ipaddr.parseCIDR(cidr);
}

/** Of an address inside another one (mapped), what it means counts. */
function isWithin(ip: string, range: AddressRange): boolean {
  if (!ipaddr.isValid(ip)) return false;
  const address = ipaddr.process(ip);
  return address.kind() === range[0].kind() && address.match(range as [ipaddr.IPv4, number]);
}

/** Public by its range, and yet the host's own cloud: Azure's metadata and DNS address. */
const PLATFORM_V4 = '168.63.129.16';

/** Global unicast and nothing that only looks like it: no mapped, translated or tunnelled address of another network. */
export function isGloballyRoutable(ip: string): boolean {
  // One spelling only: what the check reads as an address, the dialler could take for a name; a zone picks an interface.
  if (!ipaddr.IPv4.isValidFourPartDecimal(ip) && (!ipaddr.IPv6.isValid(ip) || ip.includes('%'))) return false;
  const address = ipaddr.process(ip);
  if (address.range() !== 'unicast' || address.toString() === PLATFORM_V4) return false;
  return address.kind() === 'ipv4' || (address.match(GLOBAL_V6) && !isIsatap(address as ipaddr.IPv6));
}

/** RFC 5214 §6.1: an interface id with an IPv4 address in it, to which a router of the site would tunnel. */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4]! & ~0x0200) === 0 && parts[5] === 0x5efe;
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
