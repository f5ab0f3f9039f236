/** The whole battery. Data only. */
import type { Entry } from './entry.ts';
import { ASKING } from './entries/asking.ts';
import { ASSERTIONS } from './entries/assertions.ts';
import { AUTHORIZE } from './entries/authorize.ts';
import { CONSENTED } from './entries/consented.ts';
import { DEVICE } from './entries/device.ts';
import { EXCHANGE } from './entries/exchange.ts';
import { ISSUED } from './entries/issued.ts';
import { PAR } from './entries/par.ts';
import { PROOFS } from './entries/proofs.ts';
import { TOKEN } from './entries/token.ts';
import { WORKLOAD } from './entries/workload.ts';

export const ENTRIES: readonly Entry[] = [
  ...[...ASKING, ...PAR, ...AUTHORIZE, ...PROOFS, ...ASSERTIONS, ...TOKEN, ...CONSENTED],
  ...[...DEVICE, ...EXCHANGE, ...WORKLOAD, ...ISSUED],
];
