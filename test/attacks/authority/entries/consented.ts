/** Codes and refresh tokens (RFC 6749 §4.1.3 and §6, 7636, 9449, 9700 §4.5 and §4.14) in wrong hands. Data only. */
import { at, CANARY, type Entry } from '../entry.ts';

const [INVALID, GRANT] = ['invalid_request', 'invalid_grant'] as const;

export const CONSENTED: readonly Entry[] = [
  ...at('code', [
    ['code.none', 'RFC 6749 §4.1.3', 'no code', { form: { code: null } }, INVALID],
    ['code.unknown', 'RFC 6749 §5.2', 'a code nobody gave', { form: { code: CANARY } }, GRANT],
    ['code.others', 'RFC 6749 §4.1.3', 'the code of another', { form: { code: '{code of another client}' } }, GRANT],
    ['code.used', 'RFC 9700 §4.2.4', 'a code that was used', { form: { code: '{used code}' } }, GRANT],
    ['code.no-verifier', 'RFC 7636 §4.5', 'a code without its verifier', { form: { code_verifier: null } }, INVALID],
    [
      ...(['code.other-verifier', 'RFC 7636 §4.6', 'a code with another verifier'] as const),
      ...([{ form: { code_verifier: CANARY.repeat(5) } }, GRANT] as const),
    ],
    [
      'code.short-verifier',
      'RFC 7636 §4.1',
      'a verifier that is too short',
      { form: { code_verifier: CANARY } },
      GRANT,
    ],
    ['code.no-redirect', 'RFC 6749 §4.1.3', 'a code without its redirect URI', { form: { redirect_uri: null } }, GRANT],
    [
      ...(['code.other-redirect', 'RFC 6749 §4.1.3', 'a code with another redirect URI'] as const),
      ...([{ form: { redirect_uri: `https://${CANARY}.example/` } }, GRANT] as const),
    ],
    ['code.no-proof', 'RFC 9449 §5', 'a code without a proof', { proof: 'none' }, 'invalid_dpop_proof'],
    [
      'code.other-key',
      'RFC 9449 §10',
      'a code that names another key',
      { form: { code: '{code for another key}' } },
      GRANT,
    ],
    [
      ...(['code.other-resource', 'RFC 8707 §2.2', 'a code for another resource'] as const),
      ...([{ form: { resource: `https://${CANARY}.example/mcp` } }, 'invalid_target'] as const),
    ],
  ]),
  ...at('refresh', [
    ['refresh.none', 'RFC 6749 §6', 'no refresh token', { form: { refresh_token: null } }, INVALID],
    ['refresh.unknown', 'RFC 6749 §5.2', 'a refresh token nobody gave', { form: { refresh_token: CANARY } }, GRANT],
    [
      ...(['refresh.others', 'RFC 9700 §4.14.2', 'the refresh token of another client'] as const),
      ...([{ form: { refresh_token: '{refresh of another client}' } }, GRANT] as const),
    ],
    [
      ...(['refresh.used', 'RFC 9700 §4.14.2', 'a refresh token that was used'] as const),
      ...([{ form: { refresh_token: '{used refresh}' } }, GRANT] as const),
    ],
    ['refresh.other-key', 'RFC 9449 §5', 'a refresh token with another key', { proof: 'by another key' }, GRANT],
    ['refresh.no-proof', 'RFC 9449 §5', 'a refresh token without a proof', { proof: 'none' }, 'invalid_dpop_proof'],
    [
      ...(['refresh.wider', 'RFC 6749 §6', 'a refresh for more than was consented to'] as const),
      ...([{ form: { scope: 'mcp:use mcp:write' } }, 'invalid_scope'] as const),
    ],
    [
      ...(['refresh.other-resource', 'RFC 8707 §2.2', 'a refresh for another resource'] as const),
      ...([{ form: { resource: `https://${CANARY}.example/mcp` } }, 'invalid_target'] as const),
    ],
  ]),
];
