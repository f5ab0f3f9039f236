/**
 * The addresses of the public door, for callers that nobody knows yet: which takes which request, and nothing of what it
 * means. Never a route that is not in this file or health.ts, and nothing here that is for the operator alone.
 */
import { LIMITS } from '@dauth/protocol';
import { answerJson, answerText, type Exchanged } from './answers.ts';
import { serveBuffered } from './buffered.ts';
import type { ExecutorLimits } from '../config.ts';
import { HEALTH, reading, type HealthDeps } from './health.ts';
import type { SessionDeps } from '../session.ts';
import type { ShapedRequest } from './request-shape.ts';
import { serveSession, SESSIONS_PATH } from './session.ts';
import type { Route, ServerDeps } from './server.ts';
import { CONNECTIONS_PATH, serveStreaming } from './streaming.ts';
import { assertAnnounced, readJson } from './upload.ts';

export interface PublicDeps extends ServerDeps, HealthDeps {
  readonly dispatch: SessionDeps;
  readonly limits: ExecutorLimits;
  readonly tryEnvelope: (body: unknown) => Promise<boolean>;
  readonly redeem: (body: unknown) => Promise<void>;
  readonly directory: () => string;
  readonly version: string;
}

/** Octets and milliseconds of a try: an envelope, a ticket, sent by nobody that is known yet. */
const MAX_TRY = LIMITS.envelope + 8_192;
const TRY_UPLOAD_MS = 5_000;
/** Octets of a redemption: a ticket. */
const MAX_REDEEM = 8_192;

/** Why a signal of a caller says it ended, also at the end of each call: an error in its place would be made with a stack each time. */
const LEFT = 'left';

/** Of the key directory: a page that seals reads it, whatever its origin. */
const ANY_ORIGIN = { 'access-control-allow-origin': '*' };

const ROUTES: ReadonlyMap<string, Route<PublicDeps>> = new Map<string, Route<PublicDeps>>([
  ['/dispatch', { methods: ['POST'], serve: (at, shaped, deps) => serveDispatch(serveBuffered, at, shaped, deps) }],
  ['/try', { methods: ['POST'], serve: serveTry }],
  ['/redeem', { methods: ['POST'], serve: serveRedeem }],
  [
    '/.well-known/dauth-executor',
    reading((at, _shaped, deps) => answerText(at, 200, 'application/jose', deps.directory(), ANY_ORIGIN)),
  ],
  ...HEALTH,
  [
    '/version',
    reading((at, _shaped, { version }) => answerJson(at, 200, JSON.stringify({ name: 'dauth-executor', version }))),
  ],
]);

export function findPublicRoute(path: string): Route<PublicDeps> | undefined {
  if (path.startsWith(SESSIONS_PATH))
    return { methods: ['POST'], serve: (at, shaped, deps) => serveDispatch(serveSession, at, shaped, deps) };
  if (!path.startsWith(CONNECTIONS_PATH)) return ROUTES.get(path);
  return {
    methods: [],
    isUpgradable: true,
    serve: (at, shaped, deps) => serveDispatch(serveStreaming, at, shaped, deps),
  };
}

/** Runs a dispatch with a signal that its caller's leaving aborts. */
async function serveDispatch(
  form: typeof serveBuffered | typeof serveStreaming | typeof serveSession,
  at: Exchanged,
  shaped: ShapedRequest,
  deps: PublicDeps,
): Promise<void> {
  const controller = new AbortController();
  at.response.once('close', () => controller.abort(LEFT));
  await form(at, shaped, deps.limits, controller.signal, deps.dispatch);
}

async function serveTry(at: Exchanged, _shaped: ShapedRequest, deps: PublicDeps): Promise<void> {
  assertAnnounced(at.request, MAX_TRY);
  const ok = await deps.tryEnvelope(await readJson(at.request, MAX_TRY, () => undefined, TRY_UPLOAD_MS));
  answerJson(at, 200, JSON.stringify({ ok }));
}

async function serveRedeem(at: Exchanged, _shaped: ShapedRequest, deps: PublicDeps): Promise<void> {
  assertAnnounced(at.request, MAX_REDEEM);
  await deps.redeem(await readJson(at.request, MAX_REDEEM, () => undefined, TRY_UPLOAD_MS));
  answerJson(at, 200, JSON.stringify({ ok: true }));
}
