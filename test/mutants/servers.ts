/** Defences of what an envelope says of upstream servers: the keys they prove, and what their answers give back. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const PINS = 'packages/executor/dist/where/pins.test.js';
const SPKI = 'packages/protocol/dist/spki.test.js';
const HEADERS = 'packages/protocol/dist/response-headers.test.js';
const EXCHANGE = 'packages/executor/dist/wire/exchange.test.js';
const REFUSING = 'packages/executor/dist/refused-echoes.test.js';
const DOORS = 'packages/executor/dist/sealed-answers.test.js';
const REFRESHED = 'packages/executor/dist/refreshed.test.js';
const SEALED = 'packages/client/dist/sealed.test.js';

const PIN = '[seal.bound] pins of certificate keys are refused: ';
const KEPT =
  '[seal.bound] the next version keeps the pinned keys of certificates, the headers that go back and the answers that do not';
const UNHELD = '[seal.bound] no owner is promised that an answer is refused which cannot be held until its end';
const CARRIED =
  '[dispatch.bound] a call carries the pins of its origin, and the request for a token those of its endpoint';

export const SERVERS: readonly Mutant[] = [
  ...of('protocol', 'spki', SPKI, [
    [
      'seal.bound',
      'if (pins.some(({ origin }) => !origins.includes(origin)))',
      'if (pins.some(({ origin }) => !origins.includes(origin) && pins.length === 0))',
      `${PIN}an origin of nobody`,
    ],
    ['seal.bound', "scheme !== 'https'", "scheme === 'ftp' as string", `${PIN}plain http`],
    ['seal.bound', '1, LIMITS.spkiPins', '0, LIMITS.spkiPins', `${PIN}no pin`],
    [
      'dispatch.bound',
      'pins.origin === origin)',
      'origin.startsWith(pins.origin))',
      '[seal.bound] pins are kept for their origin, and for no other one',
    ],
  ]),
  ...of('protocol', 'response-headers', HEADERS, [
    [
      'seal.bound',
      '!RELEASABLE.includes(value)',
      '!RELEASABLE.concat(`connection`).includes(value)',
      '[seal.bound] an owner lets back cookies and challenges, and what is for a hop or in our own words never',
    ],
  ]),
  ...of('protocol', 'echoes', 'packages/protocol/dist/echoes.test.js', [
    [
      'seal.bound',
      "if (value !== 'refused')",
      "if (value !== 'refused' && value !== 'allowed')",
      '[seal.bound] answers that hold the credential are refused, or the policy says nothing of them',
    ],
    ['seal.bound', 'if (isDatabase || allow', 'if (allow', UNHELD],
    ['seal.bound', ' || allow.some(({ websocket }) => websocket === true)', '', UNHELD],
  ]),
  ...of('executor', 'wire/worn', EXCHANGE, [
    [
      'response.clean',
      '(this.#request.echoes ?? null)',
      'null',
      '[response.clean] an answer that holds a credential is refused whole where its owner sealed that, wherever it holds it',
    ],
  ]),
  ...of('executor', 'wire/answering', REFUSING, [
    [
      'response.clean',
      '(hasHint() || this.redactions > 0)',
      '(hasHint() || this.#scanner.redactions > 0)',
      '[response.clean] a login whose answer holds the token in a second place is refused, and what it captured is used all the same',
    ],
  ]),
  ...of('executor', 'where/pins', PINS, [
    [
      'dispatch.bound',
      '  if (pins === undefined) return undefined;\n',
      '  if (pins === undefined || pins.length > 0) return undefined;\n',
      '[dispatch.bound] a server with a good certificate of another key is sent nothing, and nothing is opened',
    ],
    [
      'dispatch.bound',
      ' || !certificate.verify(issuer.publicKey)',
      '',
      '[dispatch.bound] an authority that only bears the name of the pinned one does not vouch, whatever it sends along',
    ],
    [
      'dispatch.bound',
      '!issuer.ca || ',
      '',
      '[dispatch.bound] whoever holds a certificate of the pinned authority is no authority for others',
    ],
  ]),
  ...of('executor', 'wire/dial', 'packages/executor/dist/wire/dial.test.js', [
    [
      'crash.safe',
      "      socket.on('error', () => undefined);\n",
      '',
      '[crash.safe] a socket that fails before anybody has it ends nothing',
    ],
  ]),
  ...of('executor', 'wire/dial', PINS, [
    [
      'dispatch.bound',
      'checkServerName(address.host, certificate.raw) ?? checkPins(pins, certificate as SentCertificate),',
      'checkPins(pins, certificate as SentCertificate) ?? (address.host === `` ? checkServerName(``, certificate.raw) : undefined),',
      '[dispatch.bound] a pin replaces no other check of a certificate',
    ],
  ]),
  ...of('executor', 'dispatch', DOORS, [
    ['dispatch.bound', '      pins: pinsFor(policy, destination.origin),\n', '', CARRIED],
    [
      'response.clean',
      '      echoes: policy.echoes,\n',
      '',
      '[response.clean] a call carries whether answers that hold the credential are refused, and by default they are not',
    ],
  ]),
  ...of('executor', 'exchanged', DOORS, [
    ['dispatch.bound', '...pinned(address), ...before });', 'address, ...before });', CARRIED],
  ]),
  ...of('executor', 'wire/refresh-call', REFRESHED, [
    [
      'dispatch.bound',
      'const asked = { ...rest, pins, open',
      'const asked = { ...rest, ...(pins?.length === 0 ? { pins } : {}), open',
      '[dispatch.bound] each refresh, and each call, carries the pins of where it goes, in every version that is made here',
    ],
  ]),
  ...of('executor', 'wire/answer', EXCHANGE, [
    [
      'response.clean',
      '(!isDropped(name) || releases.includes(name))',
      '(!isDropped(name) || releases.length > 0)',
      '[response.clean] what the owner lets back is searched like the rest, and nothing else comes back with it',
    ],
    [
      'response.clean',
      'releases.includes(name)) && !hop.has(name))',
      'releases.includes(name)) && (releases.includes(name) || !hop.has(name)))',
      '[response.clean] a header that is let back ends here all the same where the upstream says it is for this hop',
    ],
  ]),
  ...of('client', 'sealed', SEALED, [
    ['seal.bound', '    ...(spki === undefined ? {} : { spki }),\n', '', KEPT],
    ['seal.bound', '    ...(responseHeaders === undefined ? {} : { responseHeaders }),\n', '', KEPT],
    ['seal.bound', '    ...(echoes === undefined ? {} : { echoes }),\n', '', KEPT],
  ]),
];
