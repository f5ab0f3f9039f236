/**
 * `/device`: where a person types the code that a device shows, and is asked what every app asks. Never a way to try codes:
 * a person may be wrong a few times; and never a yes by a link alone, which only fills the code in (RFC 8628 §5.4).
 */
import { DAuthError } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpContext, HttpEnv } from '../http.ts';
import { EMPTY, fields, type Field, type Filled } from '../people/field.ts';
import { markup } from '../people/html.ts';
import { csrfField, readPageForm } from '../people/page-form.ts';
import { page } from '../people/page.ts';
import { sessionOf, signInFirst, type Session } from '../people/session.ts';
import { Tries } from '../people/tries.ts';
import { openAsk } from './consent.ts';
import { consentPage } from './consent-page.ts';
import { DEVICE_PATH, hashedUserCode, readUserCode } from './device.ts';
import { OAuthError } from './errors.ts';
import { assertUnrevoked } from './live.ts';
import { makeOffer } from './offer.ts';
import { ANSWERED_PATH, type DeviceRequest } from './way.ts';

/** RFC 8628 §5.1: with 34 bits in a code, ten tries in ten minutes find one in a lifetime. */
const [WRONG_CODES, IN_SECONDS] = [10, 600];
const CODE: Field = {
  ...{ name: 'user_code', label: 'Code', autocomplete: 'off', isCode: true },
  hint: 'As the device shows it: eight letters.',
};

export function devicePages(app: Hono<HttpEnv>, authority: Authority): void {
  const tries = new Tries(authority.now, WRONG_CODES, IN_SECONDS);

  app.get(DEVICE_PATH, (c) => {
    const known = readUserCode(c.req.query('user_code') ?? '');
    const session = sessionOf(authority, c);
    if (session !== undefined) return show(c, session, { values: { user_code: known }, wrong: {} });
    const query = known === undefined ? '' : `?user_code=${known}`;
    return signInFirst(c, `${DEVICE_PATH}${query}`);
  });

  app.post(DEVICE_PATH, async (c) => {
    const before = sessionOf(authority, c);
    if (before === undefined) return signInFirst(c, DEVICE_PATH);
    const { user_code: typed = '' } = await readPageForm(c, before);
    const session = sessionOf(authority, c);
    if (session === undefined) return signInFirst(c, DEVICE_PATH);
    tries.take(c, session.sub);
    const request = findRequest(authority, session, typed);
    if (request === undefined) {
      const wrong = { user_code: 'No device waits with this code. Look at it again, or start again there.' };
      return show(c, session, { values: { user_code: typed }, wrong }, 403);
    }
    tries.giveBack(session.sub);
    return ask(authority, c, session, request);
  });

  app.get(ANSWERED_PATH, (c) =>
    page(
      c,
      { title: 'Answered' },
      markup`<p>The device has your answer. Go back to it; this page can be closed.</p>
<p><a href="/account">To your account</a></p>`,
    ),
  );
}

/** A device of the person's own organisation that waits. Another's is no different from none. */
function findRequest({ store }: Authority, { org }: Session, typed: string): DeviceRequest | undefined {
  const code = readUserCode(typed);
  const device = code === undefined ? undefined : store.devices.waiting<DeviceRequest>(hashedUserCode(code));
  return device !== undefined && store.registry.client(device.client_id)?.org === org ? device.request : undefined;
}

function ask(authority: Authority, c: HttpContext, session: Session, request: DeviceRequest): Response {
  const { client_id, resource } = request;
  try {
    assertUnrevoked(authority, { client: client_id, server: resource });
    const client = authority.store.registry.client(client_id)!;
    const offer = makeOffer(authority, client, request, session);
    return consentPage(authority, c, { session, client, offer, ask: openAsk(authority, session, offer) });
  } catch (error) {
    if (error instanceof OAuthError) throw new DAuthError('INVALID_REQUEST', error.description, { cause: error });
    throw error;
  }
}

function show(c: HttpContext, session: Session, filled: Filled = EMPTY, status = 200): Response {
  return page(
    c,
    { title: 'Connect a device', status },
    markup`<p>Go on only if you have just started this yourself, on a device in front of you.</p>
<form method="post" action="${DEVICE_PATH}">
${csrfField(c, session)}
${fields([CODE], filled)}
<div class="actions"><button>Continue</button></div>
</form>`,
  );
}
