/** Opens the way outside as the configuration says: the trust store, the resolver, a memory for each kind of document. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SharedLimit } from '../limit.ts';
import { makeSystemResolve } from './address.ts';
import { makeDial } from './dial.ts';
import { OutsideDocuments } from './fetch.ts';
import type { Reading } from './read.ts';

/** A memory for each kind, so that what strangers make the authority fetch never pushes out what it trusts. */
export interface Outside {
  /** Metadata and keys of trusted issuers. */
  readonly issuers: OutsideDocuments;
  /** Documents of clients, and how many that nobody here knows are looked at in a minute. */
  readonly clients: OutsideDocuments;
  readonly newcomers: SharedLimit;
}

export interface OutsideConfig {
  /** PEM files. */
  readonly ca: readonly string[];
  readonly dangerouslyAllowLoopback: boolean;
}

/** The part that a test plays itself. */
export type Way = Pick<Reading, 'resolve' | 'dial' | 'dangerouslyAllowLoopback'> & { readonly now: () => number };

/**
 * Five minutes is how late a key that an issuer withdrew is noticed; a quarter of an hour is the outage of an issuer that
 * nobody has to notice.
 */
const ISSUERS = { maxOctets: 65_536, leastMs: 60_000, mostMs: 300_000, lastGoodMs: 900_000 };
/** What the draft recommends for the size; a day, and never longer than the document says (§4.4). */
const CLIENTS = { maxOctets: 5_120, leastMs: 60_000, mostMs: 86_400_000, lastGoodMs: 0 };
/** From everybody, and from one address. */
const NEWCOMERS_PER_MINUTE = 30;
const NEWCOMERS_PER_ADDRESS = 10;
const CARE = { timeoutMs: 5_000, coolDownMs: 10_000, entries: 256, atOnce: 8, perHost: 120 };

/** @throws Error with a sentence for the operator where a PEM file cannot be used */
export function wayOutside({ ca, dangerouslyAllowLoopback }: OutsideConfig, now: () => number): Way {
  const dial = makeDial(ca.map(readPem));
  return { resolve: makeSystemResolve(), dial, dangerouslyAllowLoopback, now };
}

export function openOutside(way: Way): Outside {
  return {
    issuers: new OutsideDocuments({ ...way, ...ISSUERS, ...CARE }),
    clients: new OutsideDocuments({ ...way, ...CLIENTS, ...CARE, entries: 2_048 }),
    newcomers: new SharedLimit(NEWCOMERS_PER_MINUTE, NEWCOMERS_PER_ADDRESS),
  };
}

function readPem(path: string): string {
  try {
    const pem = readFileSync(path, 'utf8');
    void new X509Certificate(pem);
    return pem;
  } catch {
    throw new Error(`outside.ca: ${path} cannot be read as a PEM certificate.`);
  }
}
