/** The device flow (RFC 8628): what is wrong with a device's request, and with its asking for the answer. Data only. */
import { at, CANARY, type Entry } from '../entry.ts';

const [INVALID, GRANT, PROOF] = ['invalid_request', 'invalid_grant', 'invalid_dpop_proof'] as const;

export const DEVICE: readonly Entry[] = [
  {
    ...{ id: 'device.no-client', must: 'RFC 8628 §3.1', what: 'a device of nobody', to: 'device' },
    change: { form: { client_id: null } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'device.unknown-client', must: 'RFC 8628 §3.1', what: 'a device of a client nobody knows', to: 'device' },
    change: { form: { client_id: CANARY } },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'device.unproven', must: 'RFC 8628 §3.1', what: 'a client that does not prove its key', to: 'device' },
    change: { by: 'agent', assertion: 'none' },
    answer: [401, 'invalid_client'],
  },
  {
    ...{ id: 'device.get', must: 'RFC 8628 §3.1', what: 'a device that asks by GET', to: 'device' },
    change: { method: 'GET' },
    answer: [405, 'METHOD_NOT_ALLOWED'],
    headers: { allow: 'POST', 'content-type': true },
  },
  ...at('device', [
    ['device.others', 'RFC 8628 §3.1', 'a client that has no devices', { by: 'agent' }, 'unauthorized_client'],
    ['device.twice', 'RFC 8628 §3.1', 'a scope given twice', { form: { scope: ['mcp:use', CANARY] } }, INVALID],
    ['device.scope', 'RFC 8628 §3.2', 'a scope nobody offers', { form: { scope: CANARY } }, 'invalid_scope'],
    [
      ...(['device.resource', 'RFC 8707 §2', 'a device for a resource nobody registered'] as const),
      ...([{ form: { resource: `https://${CANARY}.example/mcp` } }, 'invalid_target'] as const),
    ],
    ['device.no-proof', 'RFC 9449 §5', 'a device without a key', { proof: 'none' }, PROOF],
  ]),
  ...at('poll', [
    ['poll.none', 'RFC 8628 §3.4', 'no device code', { form: { device_code: null } }, INVALID],
    ['poll.unknown', 'RFC 8628 §3.5', 'a device code nobody gave', { form: { device_code: CANARY } }, GRANT],
    [
      ...(['poll.others', 'RFC 8628 §3.4', 'the device code of another client'] as const),
      ...([{ form: { device_code: '{device of another client}' } }, GRANT] as const),
    ],
    ['poll.other-key', 'RFC 9449 §5', 'a device code with another key', { proof: 'by another key' }, GRANT],
    ['poll.no-proof', 'RFC 9449 §5', 'a device code without a proof', { proof: 'none' }, PROOF],
    ['poll.pending', 'RFC 8628 §3.5', 'a device code nobody has answered', {}, 'authorization_pending'],
  ]),
];
