/** A way out that goes nowhere: it notes what it was asked for and what was opened, and answers as a test says. */
import { Readable } from 'node:stream';
import type { ConnectionHandle } from '@dauth/protocol';
import type { JournalLine } from './journal-lines.test-support.ts';
import type { UpstreamAnswer, UpstreamRequest } from '../wire/call.ts';
import type { Upstream } from '../wire/upstream.ts';

/** What the way out was asked for, with the body read and the fields that were opened. */
export interface Sent extends Omit<UpstreamRequest, 'body'> {
  readonly body: string;
  readonly opened: string;
  /** Lines of the journal on disk when the call began. */
  readonly journal: readonly JournalLine[];
}

/** Where it is noted, and what happens; read anew for each call. */
interface Recorder {
  readonly sent: Sent[];
  readonly checked: string[];
  readonly resets: ConnectionHandle[];
  readonly isFreedOverwritten: boolean;
  readonly onCall: () => void | Promise<void>;
  readonly answer: (request: Sent) => Partial<UpstreamAnswer> | Promise<Partial<UpstreamAnswer>>;
  journal(): readonly JournalLine[];
}

export function recordingUpstream(recorder: Recorder): Upstream {
  return {
    check: async (origin) => {
      recorder.checked.push(origin);
      return { origin, scheme: 'https', host: 'api.github.com', port: 443, ips: ['192.0.2.1'] };
    },
    call: async (request) => {
      const journal = recorder.journal();
      await recorder.onCall();
      using plaintext = request.open();
      request.beforeSend();
      const opened = plaintext.lend((bytes) => bytes.toString('latin1'));
      const sent = { ...request, journal, opened, body: await readBody(request.body) };
      recorder.sent.push(sent);
      return answerWith(await recorder.answer(sent));
    },
    isFreedOverwritten: () => recorder.isFreedOverwritten,
    reset: (handle) => void recorder.resets.push(handle),
    close: async () => undefined,
  };
}

function answerWith(given: Partial<UpstreamAnswer>): UpstreamAnswer {
  const status = given.status ?? 200;
  return {
    status,
    headers: [['content-type', 'application/json']],
    length: null,
    body: Readable.from([Buffer.from('{"login":"octocat"}')]),
    finished: Promise.resolve({ status, bytes: 19, redactions: 0, error: null }),
    ...given,
  };
}

async function readBody(body: UpstreamRequest['body']): Promise<string> {
  if (body === null) return '';
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
