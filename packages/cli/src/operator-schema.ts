/** The schema of `executor.rules`: what the operator refuses, whatever envelopes and tokens say. The executor checks it again. */
import { z } from 'zod';

const MOST = 1_000;
const bytes = z.int().min(0).optional();
const rate = z.strictObject({ count: z.int().min(1).max(100_000), seconds: z.int().min(1).max(60) }).optional();
const time = z.string().regex(/^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'must be HH:MM in UTC, up to 24:00');

export const operatorRules = z
  .strictObject({
    deny: z
      .strictObject({
        hosts: z
          .array(z.string())
          .max(MOST)
          .optional()
          .describe('Names to which nothing goes; "*." in front stands for every name below.'),
        origins: z.array(z.string()).max(MOST).optional().describe('Origins to which nothing goes.'),
        methods: z.array(z.string()).max(MOST).optional().describe('Methods that are not sent.'),
        addresses: z
          .array(z.string())
          .max(MOST)
          .optional()
          .describe('Ranges in CIDR notation to which nothing goes, besides all that are not public.'),
      })
      .optional(),
    requestBytes: bytes.describe('Octets of the body of a request.'),
    responseBytes: bytes.describe('Octets of the answer of an upstream.'),
    rates: z
      .strictObject({ connection: rate, owner: rate, org: rate })
      .optional()
      .describe('Dispatches of each connection, owner and organisation; each executor counts for itself.'),
    hours: z
      .array(
        z.strictObject({
          days: z
            .array(z.enum(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']))
            .min(1)
            .max(7)
            .optional(),
          from: time,
          to: time,
        }),
      )
      .min(1)
      .max(64)
      .optional()
      .describe('The only times of dispatches, in UTC.'),
  })
  .describe('What the operator refuses, whatever envelopes and tokens say; each rule only narrows.');
