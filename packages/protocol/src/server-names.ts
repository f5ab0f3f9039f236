/**
 * Whether two names may mean one authorization server (§2.6): issuers and endpoints, as a server that compares loosely reads them.
 * Never fetched, and never for what has to be equal: in doubt the answer is yes.
 */
import { isALabel } from './a-label.ts';

interface Named {
  readonly host: string;
  readonly port: number | null;
  readonly path: readonly string[];
}

/** WHATWG URL §4.4: however many slashes follow the scheme, the host comes next; of any other scheme, after two. */
const WEB = /^(?:https?:|[a-z][a-z0-9+.-]*:(?=\/\/))?\/*([^/?#]*)([^?#]*)/;
/** Of another scheme, without a host, and where no port follows the colon: it means itself. */
const OTHER = /^(?!https?:)[a-z][a-z0-9+.-]*:(?!\/\/)(?![0-9]{0,5}(?:[/?#]|$))/;
/** A name around another one (WHATWG URL §4.7: the origin of a `blob:` is that of what follows). */
const AROUND = /^[a-z][a-z0-9+.-]*:[^/?#]*:\/\//;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;
/** A host whose last label is a number is an IPv4 address, which has many spellings. */
const NUMERIC = /^(?:[0-9]+|0x[0-9a-f]*)$/;
/** `http` and `https` are one to whoever leaves the scheme out. */
const DEFAULT_PORTS: readonly number[] = [443, 80];

/**
 * Scheme, case, default port, query, fragment, parameters, single dots, doubled slashes and whatever is percent-encoded make no
 * difference. One of two paths may begin with the other: the issuer of a server stands above its endpoint.
 * @param a printable ASCII, as `b`
 */
export function mayNameOneServer(a: string, b: string): boolean {
  const [one, other] = [readName(a), readName(b)];
  if (one === null || other === null) return true;
  if (one.host !== other.host || one.port !== other.port) return false;
  const [short, long] = one.path.length < other.path.length ? [one.path, other.path] : [other.path, one.path];
  return short.every((segment, at) => segment === long[at]);
}

/** @returns null where what it means cannot be told: it may mean any server */
function readName(name: string): Named | null {
  const text = decoded(name);
  if (text === null || AROUND.test(text)) return null;
  if (OTHER.test(text)) return { host: text.replace(/\/+$/, ''), port: null, path: [] };
  const [, authority = '', path = ''] = WEB.exec(text) ?? [];
  const [, written = '', digits = ''] = /^(.*?)(?::([0-9]*))?$/.exec(authority) ?? [];
  const port = Number(digits);
  const segments = segmentsOf(path);
  if (!isHost(written) || segments === null) return null;
  return { host: written, port: digits === '' || DEFAULT_PORTS.includes(port) ? null : port, path: segments };
}

/** @returns null where whoever decodes sooner or twice would read another name, for `\`, and for what is no visible ASCII */
function decoded(text: string): string | null {
  if (/%(?![2-7][0-9a-f])|%(?:20|23|25|2f|3a|3b|3f|40|5c|7f)|[^!-[\]-~]/i.test(text)) return null;
  return text
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .toLowerCase();
}

/**
 * Plain ASCII, without a dot at its end. Not userinfo, of which each parser has a view of its own, nor an address or a name in other
 * letters: which of them are one only tables tell (UTS 46).
 */
function isHost(host: string): boolean {
  const labels = host.split('.');
  return (
    labels.every((label) => LABEL.test(label) && (!label.startsWith('xn--') || isALabel(label))) &&
    !NUMERIC.test(labels.at(-1)!)
  );
}

/** @returns null where it leads up: one who resolves that and one who does not read two names */
function segmentsOf(path: string): readonly string[] | null {
  const plain = path.split('/').map((segment) => segment.replace(/;.*$/, ''));
  return plain.includes('..') ? null : plain.filter((segment) => segment !== '' && segment !== '.');
}
