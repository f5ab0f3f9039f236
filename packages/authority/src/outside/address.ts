/**
 * Where the authority may fetch from: https, a name, and every address it resolves to globally routable.
 * Never dials: `dial.ts` connects to exactly the addresses checked here, so a name that changes its mind goes nowhere.
 */
import { lookup, Resolver as DnsResolver } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { OutsideError } from './fault.ts';

/** All addresses of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** A URL longer than this is nobody's document. */
const MAX_URL = 2_048;
/** Visible ASCII without what URL parsers rewrite; a fragment would be a second name of the same document. */
const URL_TEXT = /^https?:\/\/[^\s"#/<>@\\^`{|}][^\s"#<>@\\^`{|}]*$/;
const VISIBLE = /^[\x21-\x7e]+$/;
/** Lowercase labels without a trailing dot; a last label of digits would be an address. */
const NAME = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9-]*[a-z-][a-z0-9-]*$/;
/** RFC 6761 §6.3: names that never leave this machine. */
const LOOPBACK_NAME = /^(?:.+\.)?localhost$/;
/** RFC 4291 §2.4: the only range from which global unicast addresses are given out. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** Public by its range, and yet the host's own cloud: Azure's metadata and DNS address. */
const PLATFORM_V4 = '168.63.129.16';
/** Milliseconds and tries of one DNS query; the second one goes to the next server. */
const QUERY = { timeout: 2_000, tries: 2 };

/** DNS by the configured servers, without `getaddrinfo`: its few threads are also those of the database's syncs. */
export function makeSystemResolve(): Resolve {
  const dns = new DnsResolver(QUERY);
  return async (host) => {
    if (LOOPBACK_NAME.test(host))
      return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
    const answers = await Promise.allSettled([dns.resolve4(host), dns.resolve6(host)]);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  };
}

/**
 * A URL that may be fetched. Without the dangerous switch: https, a DNS name, no user, no fragment.
 * @throws OutsideError `url`
 */
export function parseOutsideUrl(text: string, dangerouslyAllowLoopback: boolean): URL {
  if (text.length > MAX_URL || !URL_TEXT.test(text) || !VISIBLE.test(text) || !URL.canParse(text))
    throw new OutsideError('url');
  const url = new URL(text);
  const { hostname } = url;
  const isHere = LOOPBACK_NAME.test(hostname) || isLoopback(bare(hostname));
  if (isHere) {
    if (!dangerouslyAllowLoopback) throw new OutsideError('url');
  } else if (url.protocol !== 'https:' || !NAME.test(hostname)) throw new OutsideError('url');
  return url;
}

/**
 * The addresses of a URL's host, each of which may be dialled.
 * @throws OutsideError `unreachable` where there is none; `address` where one of them is not globally routable
 */
export async function checkAddresses(
  { hostname, protocol }: URL,
  resolve: Resolve,
  dangerouslyAllowLoopback: boolean,
): Promise<readonly string[]> {
  const isAddress = ipaddr.isValid(bare(hostname));
  const ips = isAddress ? [bare(hostname)] : await ask(resolve, hostname);
  if (ips.length === 0) throw new OutsideError('unreachable');
  // One bad address refuses them all: which one a connection would take is not for the resolver to choose.
  for (const ip of ips) {
    if (dangerouslyAllowLoopback && isLoopback(ip)) continue;
    if (protocol === 'http:' || !isGloballyRoutable(ip)) throw new OutsideError('address');
  }
  return ips;
}

async function ask(resolve: Resolve, host: string): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (cause) {
    throw new OutsideError('unreachable', { cause });
  }
}

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

/** An IPv6 address without the brackets it has in a URL. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
