/**
 * Which of the processor's instructions OpenSSL may use. Where it has VAES with AVX-512, newer versions of OpenSSL (3.5, in
 * Node 24) leave the last, incomplete block of a TLS record under AES-GCM as it is in the memory of its connection, until the next
 * record: up to 15 octets of a token that an answer ended with, as long as a socket is idle (seen; with older instructions none). So
 * that what runs is what was measured, the process is started without them.
 */

/**
 * Environment for OpenSSL (its manual, OPENSSL_ia32cap(3)), read when the process begins and never again. Cleared, of CPUID leaf 7:
 * AVX512F, DQ, IFMA, BW and VL in EBX, VAES and VPCLMULQDQ in ECX. Other processors know nothing of it.
 */
export const INSTRUCTIONS: Readonly<Record<string, string>> = { OPENSSL_ia32cap: ':~0x600c0230000' };

/** Whether a process with this environment was started for it. */
export function isStartedForThem(env: Readonly<Record<string, string | undefined>>): boolean {
  return Object.entries(INSTRUCTIONS).every(([name, value]) => env[name] === value);
}
