/**
 * A stated policy, read as it will be once it is sealed, before anybody is asked for anything: whatever contradicts itself is
 * said while nothing was sent. Never sealed and never sent: who seals it, for whom and to which key, is not known yet.
 */
import {
  encodeEnvelopeHeader,
  injectedFields,
  parseHandle,
  parseInjections,
  TYP,
  type AllowRule,
  type Echoes,
  type EnvelopeHeader,
  type EnvelopePolicy,
} from '@dauth/protocol';
import type { InjectionInput } from '@dauth/client';
import type { StatedCapture } from './capture.ts';
import { given, usage } from './output.ts';

/** In place of what is known when it is sealed; each as long as such a thing is. */
const ANY = {
  ...{ alg: 'HPKE-3', kid: 'A'.repeat(43), typ: TYP.credential, crit: ['dauth'] as const },
  ...{
    handle: 'ddls:conn:00000000-0000-7000-8000-000000000000',
    other: 'ddls:conn:00000000-0000-7000-8000-000000000001',
  },
  ...{ iss: 'https://authority.invalid', owner: 'owner' },
} as const;

export interface Draft {
  readonly rule: Omit<AllowRule, 'origin' | 'methods' | 'paths'> & {
    readonly origin: string;
    readonly methods: readonly string[];
    readonly paths: readonly string[];
  };
  readonly inject: readonly InjectionInput[];
  readonly servers: readonly string[];
  readonly fields: readonly string[];
  readonly echoes?: Echoes | undefined;
  /** Of a login: what is said of its answers. */
  readonly capture?: StatedCapture | undefined;
}

/** @throws CliError (usage) */
export function checkDraft({ rule, inject, servers, fields, echoes, capture }: Draft): void {
  const slots = given('--inject', inject, parseInjections);
  const named = injectedFields(slots);
  const [missing] = [...named].filter((name) => !fields.includes(name));
  const [unused] = fields.filter((name) => !named.has(name));
  if (missing !== undefined)
    throw usage(
      `--inject names the field {${missing}}, and the credential has ${fields.join(', ')}.`,
      `Give --field ${missing} too, or correct the template. One field is called "token" where no --field is given.`,
    );
  if (unused !== undefined)
    throw usage(`--field ${unused} stands in no template of --inject.`, 'Leave it out, or put it into a template.');
  const into = parseHandle(ANY.other);
  const own = echoes === undefined ? {} : { echoes };
  const said = capture === undefined ? own : { ...own, capture: { into, fields: capture.values } };
  assertSealable('The policy', servers, { allow: [rule as AllowRule], inject: slots, ...said });
  if (capture === undefined) return;
  const { allow, inject: put, values, lifetime } = capture;
  const captured = { from: into, fields: values.map(({ field }) => field), lifetime };
  assertSealable('--capture', servers, { allow, inject: put, captured });
}

/** Whether an envelope could say so. */
function assertSealable(
  what: string,
  servers: readonly string[],
  members: Pick<EnvelopePolicy, 'allow' | 'inject' | 'echoes' | 'capture' | 'captured'>,
): void {
  const { alg, kid, typ, crit, handle, iss, owner } = ANY;
  const dauth = {
    ...{ handle: parseHandle(handle), ver: 1, iss, org: 'default', owner, connection: 'draft', servers },
    ...{ ...members, bearer: false, iat: 0, exp: 1 },
  };
  given(what, { alg, kid, typ, crit, dauth }, (header) => encodeEnvelopeHeader(header as EnvelopeHeader));
}
