/** Why a document from outside could not be had: one word for the log. Never a URL, an address or what was answered. */
export type Fault =
  'url' | 'address' | 'unreachable' | 'timeout' | 'tls' | 'status' | 'type' | 'size' | 'form' | 'busy';

export class OutsideError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, options?: { cause?: unknown }) {
    super(`A document from outside could not be had (${fault}).`, options);
    this.name = 'OutsideError';
    this.fault = fault;
  }
}
