/** The executor's own parts, by path: nobody but a benchmark may load them outside of their room. */
import type { Envelope, Injection } from '@dauth/protocol';
import type { RecipientKey } from './sealed-vectors.ts';

export interface Room {
  readonly openEnvelope: (envelope: Envelope, key: RecipientKey) => Disposable;
  readonly decideTarget: (wish: object, permit: object) => object;
  readonly inject: (plaintext: Disposable, injections: readonly Injection[], request: object) => object;
  readonly Plaintext: new (bytes: Buffer, keeping: Buffer) => Disposable;
  readonly Forms: new (secrets: readonly Uint8Array[]) => Disposable;
  readonly Scanner: new (forms: Disposable) => { push(chunk: Uint8Array): Uint8Array; end(): Uint8Array };
}

const FILES = ['open', 'where/target', 'secret/inject', 'secret/plaintext', 'wire/forms', 'wire/scan'];

export async function loadRoom(): Promise<Room> {
  const loaded = FILES.map(
    (file) =>
      import(new URL(`../../../packages/executor/dist/${file}.js`, import.meta.url).href) as Promise<Partial<Room>>,
  );
  return Object.assign({}, ...(await Promise.all(loaded))) as Room;
}
