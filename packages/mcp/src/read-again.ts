/**
 * A request whose body was read, for whoever is behind the gate: a body that is read again has the same octets.
 * Never another method, address, header or signal than came in.
 */
import { sourceOf } from './source.ts';

/** What a `Request` gives of its body (WHATWG Fetch §5.3), and `clone`, which takes the body with it. */
const OF_THE_BODY = ['body', 'bodyUsed', 'arrayBuffer', 'blob', 'bytes', 'clone', 'formData', 'json', 'text'];

/** Of a request of the platform's own. Frameworks have others, which only look like one, or put theirs in its place. */
const PLATFORM = Request.prototype;

/** Octets that were read, or the request that was made of them. */
const bodies = new WeakMap<Request, Uint8Array<ArrayBuffer> | Request>();

/**
 * @param octets of the body that was read
 * @param inner who gets the request
 */
export function readAgain(request: Request, octets: Uint8Array<ArrayBuffer>, inner: object): Request {
  if (sourceOf(request)?.isTaken === true) return request;
  if (!isOfTheSdk(inner) || Object.getPrototypeOf(request) !== PLATFORM) return remake(request, octets);
  bodies.set(request, octets);
  return Object.setPrototypeOf(request, READ_AGAIN) as Request;
}

/**
 * The SDK's handler takes the value that was parsed and leaves the body alone, and a second request with a stream and signals of its
 * own costs half as much as verifying a signature. So it gets the same one, and only a tool that reads the body has another one made.
 * Anybody else may put the request into a new one, which one that was read refuses.
 */
function isOfTheSdk(inner: object): boolean {
  return 'notify' in inner && 'bus' in inner;
}

const READ_AGAIN: object = Object.create(
  PLATFORM,
  Object.fromEntries(OF_THE_BODY.filter((name) => name in PLATFORM).map((name) => [name, { get: bodyMember(name) }])),
) as object;

function bodyMember(name: string): (this: Request) => unknown {
  return function get() {
    const known = bodies.get(this)!;
    const request = known instanceof Uint8Array ? remake(this, known) : known;
    bodies.set(this, request);
    const member = (request as unknown as Readonly<Record<string, unknown>>)[name];
    return typeof member === 'function' ? (member.bind(request) as unknown) : member;
  };
}

function remake({ url, method, headers, signal }: Request, body: Uint8Array<ArrayBuffer>): Request {
  return new Request(url, { method, headers, signal, body });
}
