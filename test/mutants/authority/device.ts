/** Defences of `authority`: the device flow, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', `oauth/${source}`, 'packages/authority/dist/oauth/device.test.js', rows);
const row = (find: string, replace: string, name: string): Row => ['person.asked', find, replace, name];

const OTHER_KEY = '[token.bound] a device code works with the key that asked first, and for its client only';
const REFUSED = 'a device is refused that may not ask, asks without a key, or for what there is not';

export const DEVICE: readonly Mutant[] = [
  ...of('device', [
    ['token.bound', 'if (device.jkt !== boundTo(by))', "if (device.jkt === '')", OTHER_KEY],
    ['token.bound', ' || device.client_id !== by.client.client_id) throw', ') throw', OTHER_KEY],
    row(' || device.expires_at <= authority.now())', ')', 'codes end after ten minutes, answered or not'),
    row("if (state === 'denied')", 'if (pause === 0)', 'a person who says no is heard, once'),
    row(
      'isSoon ? pause + PAUSE : pause);',
      'pause);',
      'a device that asks too soon is slowed down, five seconds more each time',
    ),
    [
      'revoke.fast',
      '    endGrant(authority, given!.grant_id, by.client);\n',
      '    void [authority, given, by, endGrant];\n',
      '[revoke.fast] a device code that comes twice ends what it gave',
    ],
    row('const row = { hash, client_id,', 'const row = { hash: device, client_id,', 'the store keeps neither code'),
    row(
      'if (!store.devices.hasRoom(client_id, from))',
      "if (client_id === '')",
      'a client has at most 256 devices that wait',
    ),
    row('if (!grants.includes(DEVICE_CODE))', "if (grants.includes(''))", REFUSED),
  ]),
  ...of('client-auth', [row("['/token', '/device_authorization'];", "['/token'];", REFUSED)]),
  ...of('device-page', [
    row(
      'tries.take(c, session.sub);',
      'tries.take(c, authority.newId());',
      'ten wrong codes stop one person for ten minutes, and nobody else',
    ),
    row(
      'store.registry.client(device.client_id)?.org === org ?',
      "org !== '' ?",
      "another organisation's device is no different from none",
    ),
  ]),
  ...of('way', [
    row(
      'return store.devices.isWaiting(request.device);',
      'return store !== undefined;',
      'one device has one answer, whoever typed its code',
    ),
  ]),
];
