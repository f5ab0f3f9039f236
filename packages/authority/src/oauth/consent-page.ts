/**
 * The page that asks a person: who wants what, where, for how long, and where the answer goes. Everything on it is
 * somebody's word until it is escaped and named as such. Never a box that is ticked for what the app did not ask for.
 */
import type { Authority } from '../context.ts';
import type { HttpContext } from '../http.ts';
import { markup, type Html } from '../people/html.ts';
import { csrfField } from '../people/page-form.ts';
import { page } from '../people/page.ts';
import type { Session } from '../people/session.ts';
import type { Client } from '../store/registry.ts';
import { mayBeUnbound } from './client-auth.ts';
import { DURATIONS } from './consent.ts';
import { sayDetail, sayScope } from './consent-words.ts';
import { isNamed, isNameOnly, type Offer } from './offer.ts';
import { isLocal } from './redirect.ts';
import { isOfDevice, type Asking, type DeviceRequest } from './way.ts';

/** Ticked beforehand, so that an answer in a hurry is a short one. */
const USUAL = '30 days';

export function consentPage(
  authority: Authority,
  c: HttpContext,
  { session, client, offer, ask }: { session: Session; client: Client; offer: Offer<Asking>; ask: string },
): Response {
  const { request, scopes, details, given } = offer;
  const name = markup`<strong><bdi>${client.name}</bdi></strong>`;
  return page(
    c,
    { title: 'Let this app in?' },
    markup`<p>${name} asks to use ${placeOf(authority, request.resource)} for you, ${session.name} (<code>${session.sub}</code>).</p>
<dl>
<dt>App</dt><dd>${originOf(client)}</dd>
<dt>Answer goes to</dt><dd>${isOfDevice(request) ? sayDevice(request) : markup`<code>${request.redirect_uri}</code>`}</dd>
<dt>Tokens</dt><dd>${
      mayBeUnbound(authority, client)
        ? markup`<strong>Bearer</strong>: not bound to a key; whoever gets hold of one can use it for five minutes`
        : 'bound to a key of the app (DPoP)'
    }</dd>
</dl>
${isOfDevice(request) && markup`<p role="alert">Whoever holds that device gets what you allow. Say yes only if it is in front of you and you have just started this there yourself, and never because somebody sent you a link or a code.</p>`}
${!isOfDevice(request) && isLocal(request.redirect_uri) && markup`<p role="alert">The answer goes to a program on your own computer, and any program there can call itself by this name. Say yes only if you have just started this app yourself.</p>`}
<form method="post" action="/consent">
${csrfField(c, session)}<input type="hidden" name="ask" value="${ask}">
${given !== null && givenSection(authority, given, isNameOnly(client, isOfDevice(request) ? null : request.redirect_uri))}
${
  scopes.length > 0 &&
  markup`<fieldset><legend>What it may do there</legend>${scopes.map((scope, index) => box(`scope.${index}`, request.scopes !== null, sayScope(scope)))}
${request.scopes === null && markup`<p class="hint">The app asked for nothing in particular. Tick what it may do.</p>`}</fieldset>`
}
${details.length > 0 && markup`<fieldset><legend>Connections it may use there</legend>${details.map((detail, index) => box(`detail.${index}`, isNamed(offer, detail), sayDetail(authority, detail)))}</fieldset>`}
<fieldset><legend>For how long</legend>${Object.keys(DURATIONS).map((duration) => radio(duration, duration === USUAL))}</fieldset>
<div class="actions"><button name="decision" value="approve">Allow</button>
<button name="decision" value="deny" class="quiet">Do not allow</button></div>
</form>
<p class="soft">You can end this at any time in your account.</p>`,
  );
}

/** Who says that this app is this app. */
function originOf({ source, client_id }: Client): Html {
  switch (source) {
    case 'operator':
      return markup`registered by whoever runs this installation`;
    case 'document':
      return markup`published by <code>${new URL(client_id).host}</code>`;
    case 'dynamic':
      return markup`<strong>not verified</strong>: it registered itself, under a name of its own choice`;
  }
}

/** RFC 8628 §5.4: what lets a person see that it is not their own device that asks. */
function sayDevice({ address, asked_at }: DeviceRequest): Html {
  const time = new Date(asked_at * 1_000).toISOString().slice(0, 16).replace('T', ' ');
  return markup`the device that asked from the address <code>${address}</code> at ${time} UTC`;
}

function placeOf({ config }: Authority, resource: string): Html {
  return resource === config.issuer
    ? markup`<strong>this authority</strong>, where your connections are kept,`
    : markup`the MCP server <code>${resource}</code>`;
}

/** @param isAnybody whether it may be another program that asks now than the one that was let in before */
function givenSection(
  authority: Authority,
  { scopes, details }: NonNullable<Offer['given']>,
  isAnybody: boolean,
): Html {
  return markup`<fieldset><legend>${isAnybody ? 'Given before under this name' : 'It has already, and keeps'}</legend>
${isAnybody && markup`<p role="alert">Nothing proves that this is the program you let in before. If you allow it, it gets all of this too.</p>`}
<ul class="rows">${scopes.map((scope) => markup`<li>${sayScope(scope)}</li>`)}${details.map((detail) => markup`<li>${sayDetail(authority, detail)}</li>`)}</ul>
<p class="hint">To take something of it away, end it in your account.</p></fieldset>`;
}

function box(name: string, isTicked: boolean, words: Html): Html {
  return markup`<label><input type="checkbox" name="${name}" value="on"${isTicked && markup` checked`}>${words}</label>`;
}

function radio(duration: string, isTicked: boolean): Html {
  return markup`<label><input type="radio" name="duration" value="${duration}"${isTicked && markup` checked`}>${duration}</label>`;
}
