/** HTML as a type: what is put into it is escaped unless it is HTML itself, and a promise cannot be put into it at all. */
import { html as tag } from 'hono/html';

export type Html = Exclude<ReturnType<typeof tag>, Promise<unknown>>;

/** What may stand in a template. Nothing unknown: an object out of somebody's JSON could claim to be HTML. */
type Piece = string | number | Html | readonly Html[] | false | null | undefined;

/** Not called `html`: a formatter would lay the markup out anew, and spaces count in it. */
export const markup = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html =>
  tag(strings, ...pieces) as Html;
