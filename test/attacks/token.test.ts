/** An attacker holds a token, a proof, or both (SECURITY.md, attackers 1 and 2). */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { proves } from '../claims.ts';
import { makeTempDir } from '../support/process.ts';
import { generateKey, postMcp, signProof, stealToken } from '../world/proofs.ts';
import { startWorld, type World } from '../world/world.ts';

describe('stolen tokens', { timeout: 180_000 }, () => {
  let world: World;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({ dir: dir.path });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const problem = async (response: Response): Promise<{ status: number; code: unknown; challenge: string }> => {
    const { status, headers } = response;
    const isProblem = headers.get('content-type') === 'application/problem+json';
    const text = await response.text();
    const code = isProblem ? (JSON.parse(text) as { code?: unknown }).code : undefined;
    return { status, code, challenge: headers.get('www-authenticate') ?? '' };
  };

  proves('token.bound', 'a stolen token with a proof by another key is refused', async () => {
    const { token } = await stealToken(world);
    const proof = await signProof(await generateKey(), { method: 'POST', url: world.resource, accessToken: token });
    const answer = await problem(await postMcp(world, { authorization: `DPoP ${token}`, dpop: proof }));
    assert.equal(answer.status, 401);
    assert.equal(answer.code, 'UNAUTHENTICATED');
    assert.match(answer.challenge, /^DPoP error="invalid_dpop_proof"/);
  });

  proves('token.bound', 'a proof is good once', async () => {
    const { token, owner } = await stealToken(world);
    const proof = await signProof(owner, { method: 'POST', url: world.resource, accessToken: token });
    const headers = { authorization: `DPoP ${token}`, dpop: proof };
    assert.notEqual((await postMcp(world, headers)).status, 401);
    const answer = await problem(await postMcp(world, headers));
    assert.equal(answer.status, 401);
    assert.equal(answer.code, 'REPLAY_DETECTED');
  });

  proves('token.bound', 'a bound token sent as Bearer is refused', async () => {
    const { token } = await stealToken(world);
    const answer = await problem(await postMcp(world, { authorization: `Bearer ${token}` }));
    assert.equal(answer.status, 401);
    assert.match(answer.challenge, /^DPoP error="invalid_token"/);
  });

  proves('token.bound', 'a token for the MCP server is worth nothing at the authority or the executor', async () => {
    const { token, owner } = await stealToken(world);
    const { authority, executor } = world.stack.ready;
    for (const url of [`${authority}/connections`, `${executor}/connections/${world.handle}/user`]) {
      const proof = await signProof(owner, { method: 'GET', url, accessToken: token });
      const response = await fetch(url, { headers: { authorization: `DPoP ${token}`, dpop: proof } });
      assert.equal(response.status, 401, url);
    }
  });

  proves(
    'token.bound',
    "a token request for another owner's connection is refused like one for an unknown connection",
    async () => {
      const other = await world.stack.dauth<{ client_id: string }>([
        'clients',
        'add',
        '--name',
        'other',
        '--generate',
        `${dir.path}/other.jwk`,
      ]);
      const base = [
        'connections',
        'get',
        world.handle,
        '--authority',
        world.stack.ready.authority,
        '--key',
        `${dir.path}/other.jwk`,
        '--client-id',
        other.client_id,
      ];
      const answer = await world.stack.tryDauth(base);
      assert.equal(answer.code, 7);
      const unknown = await world.stack.tryDauth(
        base.map((arg) => (arg === world.handle ? 'ddls:conn:01900000-0000-7000-8000-000000000000' : arg)),
      );
      const shown = (text: string) => (JSON.parse(text) as { error: { code: string; message: string } }).error;
      assert.equal(shown(answer.stderr).code, 'CONNECTION_NOT_FOUND');
      assert.equal(shown(answer.stderr).message, shown(unknown.stderr).message);
    },
  );
});
