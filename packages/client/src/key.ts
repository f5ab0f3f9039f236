/**
 * The client's key (ES256): proves possession (DPoP), authenticates the client, and signs for what this device sealed.
 * Never exportable unless it was generated so, and never seen by anything but WebCrypto.
 */
import { encodeBase64url, encodeUtf8, parsePublicJwk, thumbprintInput, TYP, type PublicJwk } from '@dauth/protocol';
import { exportJWK, SignJWT } from 'jose';

/** A signing key of this device. Made by `generateKey` or `importKey`. */
export interface ClientKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: PublicJwk;
  /** RFC 7638 thumbprint: what tokens are bound to and envelopes may be pinned to. */
  readonly jkt: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/**
 * Makes a key.
 * @param options.extractable true only where the key has to be written to a file; default false
 */
export async function generateKey(options: { readonly extractable?: boolean } = {}): Promise<ClientKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, options.extractable ?? false, ['sign', 'verify']);
  return fromPair(pair.privateKey, pair.publicKey);
}

/** Imports a private EC P-256 JWK; the resulting key is not extractable. @throws TypeError for any other key */
export async function importKey(jwk: Record<string, unknown>): Promise<ClientKey> {
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || typeof jwk.d !== 'string') {
    throw new TypeError('A client key must be a private JWK of type EC P-256.');
  }
  const { x, y, d } = jwk as { x: string; y: string; d: string };
  const publicMembers = { kty: 'EC', crv: 'P-256', x, y };
  const publicKey = await crypto.subtle.importKey('jwk', publicMembers, ALGORITHM, true, ['verify']);
  const privateKey = await crypto.subtle.importKey('jwk', { ...publicMembers, d }, ALGORITHM, false, ['sign']);
  return fromPair(privateKey, publicKey);
}

/** The private JWK of a key generated as extractable, for a 0600 file. @throws DOMException where it is not extractable */
export async function exportPrivateKey(key: ClientKey): Promise<Record<string, unknown>> {
  return { ...(await crypto.subtle.exportKey('jwk', key.privateKey)) };
}

async function fromPair(privateKey: CryptoKey, publicKey: CryptoKey): Promise<ClientKey> {
  const jwk = parsePublicJwk(await exportJWK(publicKey));
  return Object.freeze({ privateKey, publicKey, jwk, jkt: await sha256(thumbprintInput(jwk)) });
}

/** base64url of the SHA-256 of a text. */
export async function sha256(text: string): Promise<string> {
  return encodeBase64url(
    new Uint8Array(await crypto.subtle.digest('SHA-256', encodeUtf8(text) as Uint8Array<ArrayBuffer>)),
  );
}

/** Signs a DPoP proof (RFC 9449 §4.2). `url` may have a query; the proof does not. */
export async function signProof(
  key: ClientKey,
  target: { readonly method: string; readonly url: string; readonly accessToken?: string; readonly nonce?: string },
): Promise<string> {
  const url = new URL(target.url);
  return new SignJWT({
    htm: target.method,
    htu: `${url.origin}${url.pathname}`,
    jti: crypto.randomUUID(),
    ...(target.accessToken === undefined ? {} : { ath: await sha256(target.accessToken) }),
    ...(target.nonce === undefined ? {} : { nonce: target.nonce }),
  })
    .setProtectedHeader({ typ: TYP.dpop, alg: 'ES256', jwk: { ...key.jwk } })
    .setIssuedAt()
    .sign(key.privateKey);
}

/** Signs for an envelope this device sealed (spec/dauth.md §2.4). */
export async function signSealProof(
  key: ClientKey,
  of: { handle: string; ver: number; envelope: string },
): Promise<string> {
  return signSelfKeyed(key, TYP.seal, { handle: of.handle, ver: of.ver, sha256: await sha256(of.envelope) });
}

/** Lets another device's key seal later versions of a connection this key sealed. */
export async function signEndorsement(key: ClientKey, handle: string, jkt: string): Promise<string> {
  return signSelfKeyed(key, TYP.endorsement, { handle, jkt });
}

function signSelfKeyed(key: ClientKey, typ: string, claims: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ typ, alg: 'ES256', jwk: { ...key.jwk } }).sign(key.privateKey);
}
