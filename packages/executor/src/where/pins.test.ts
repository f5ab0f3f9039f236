/** Pins of the keys of certificates, over real TLS to servers whose certificates are renewed, and with hostile chains. */
import assert from 'node:assert/strict';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import { callAndRead, upstreamFor, type ReadAnswer } from '../support/calls.test-support.ts';
import { makeKeys, serveHttps, TestCa, type Identity } from '../support/upstreams.test-support.ts';
import { checkPins, type SentCertificate } from './pins.ts';

const NAMES = [{ type: 'dns', value: 'localhost' }] as const;
const REFUSED = {
  name: 'DAuthError',
  code: 'DOWNSTREAM_TLS_ERROR',
  publicMessage:
    "The upstream's certificate leads to none of the keys that the credential was sealed for, so nothing was sent. Where its keys changed, the owner has to seal the new ones.",
};

let ca: TestCa;
let identity: Identity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([...NAMES]);
});

/** As an owner computes it: from the key alone. */
function pinOf(pem: string): string {
  return createHash('sha256')
    .update(createPublicKey(pem).export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

/** One call with these pins to a server of this identity; what it was asked, and how often a credential was opened. */
async function calling(
  pins: readonly string[] | undefined,
  server: Identity,
  trusted: readonly string[] = [ca.pem],
): Promise<{ readonly answer: ReadAnswer | Error; readonly asked: number; readonly sent: number }> {
  let asked = 0;
  let sent = 0;
  await using listening = await serveHttps(server, (_, response) => {
    asked++;
    response.end('ok');
  });
  const upstream = upstreamFor(ca.pem, { ca: trusted });
  try {
    const beforeSend = (): void => void sent++;
    const answer = await callAndRead(upstream, listening.origin, { pins, beforeSend }).catch((error: Error) => error);
    return { answer, asked, sent };
  } finally {
    await upstream.close();
  }
}

async function assertTaken(...[pins, server, trusted]: Parameters<typeof calling>): Promise<void> {
  const { answer, asked, sent } = await calling(pins, server, trusted);
  if (answer instanceof Error) throw answer;
  assert.deepEqual([answer.body.toString(), asked, sent], ['ok', 1, 1]);
}

async function assertRefused(...[pins, server, trusted]: Parameters<typeof calling>): Promise<void> {
  const { answer, asked, sent } = await calling(pins, server, trusted);
  const { name, code, publicMessage } = answer as unknown as typeof REFUSED;
  assert.deepEqual({ name, code, publicMessage }, REFUSED);
  assert.deepEqual([asked, sent], [0, 0], 'nothing was asked of it, and nothing opened');
}

test('[dispatch.bound] a server is sent to whose own key is pinned, also under a renewed certificate', async () => {
  const keys = await makeKeys();
  const [first, renewed] = [await ca.issue([...NAMES], { keys }), await ca.issue([...NAMES], { keys })];
  assert.notEqual(first.cert, renewed.cert);
  const pins = [pinOf(first.cert)];
  await assertTaken(pins, first);
  await assertTaken(pins, renewed);
});

test('[dispatch.bound] a server with a good certificate of another key is sent nothing, and nothing is opened', async () => {
  const rotated = await ca.issue([...NAMES]);
  await assertTaken(undefined, rotated);
  await assertRefused([pinOf(identity.cert)], rotated);
  await assertTaken([pinOf(identity.cert), pinOf(rotated.cert)], rotated);
});

test('[dispatch.bound] a pinned authority vouches for the keys it signed for, itself or through another one', async () => {
  await assertTaken([pinOf(ca.pem)], identity);
  const below = await ca.subordinate();
  const leaf = await below.issue([...NAMES]);
  const server = { key: leaf.key, cert: leaf.cert + '\n' + below.pem };
  for (const pinned of [ca.pem, below.pem, leaf.cert]) await assertTaken([pinOf(pinned)], server);
  const other = await ca.subordinate();
  await assertRefused([pinOf(other.pem)], server);
});

test('[dispatch.bound] an authority that only bears the name of the pinned one does not vouch, whatever it sends along', async () => {
  const rogue = await TestCa.create();
  assert.equal(rogue.certificate.subject, ca.certificate.subject);
  const leaf = await rogue.issue([...NAMES]);
  const server = { key: leaf.key, cert: leaf.cert + '\n' + ca.pem };
  await assertTaken(undefined, server, [rogue.pem]);
  await assertRefused([pinOf(ca.pem)], server, [rogue.pem]);
});

test('[dispatch.bound] a pin replaces no other check of a certificate', async () => {
  const expired = await ca.issue([...NAMES], { expired: true });
  const elsewhere = await ca.issue([{ type: 'dns', value: 'other.example' }]);
  const foreign = await (await TestCa.create()).issue([...NAMES]);
  for (const server of [expired, elsewhere, foreign]) {
    const { answer, asked } = await calling([pinOf(server.cert)], server);
    const { code, publicMessage } = answer as unknown as typeof REFUSED;
    assert.deepEqual([code, asked, publicMessage === REFUSED.publicMessage], ['DOWNSTREAM_TLS_ERROR', 0, false]);
  }
});

test('[dispatch.bound] whoever holds a certificate of the pinned authority is no authority for others', async () => {
  const holder = await ca.subordinate(false);
  const leaf = await holder.issue([...NAMES]);
  const chain = (...pems: readonly string[]): SentCertificate => {
    const [pem, ...above] = pems;
    const raw = new X509Certificate(pem!).raw;
    return above.length === 0 ? { raw } : { raw, issuerCertificate: chain(...above) };
  };
  assert.equal(checkPins([pinOf(ca.pem)], chain(leaf.cert, holder.pem, ca.pem))?.code, 'DOWNSTREAM_TLS_ERROR');
  const below = await ca.subordinate();
  const good = await below.issue([...NAMES]);
  assert.equal(checkPins([pinOf(ca.pem)], chain(good.cert, below.pem, ca.pem)), undefined);
});
