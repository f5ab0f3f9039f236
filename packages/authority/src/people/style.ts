/** The one stylesheet of all pages: light and dark, from 320 px on, with focus to be seen. No font, image or script. */
import type { Hono } from 'hono';
import type { HttpEnv } from '../http.ts';

export const STYLE_PATH = '/style.css';

const CSS = `:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --ink: #1a2028; --soft: #566170; --line: #c4ccd6; --field: #7a8695;
  --act: #1f5fbf; --on-act: #fff; --bad: #b3261e; --bad-ground: #fdeceb; --good-ground: #e8f3ec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181d; --card: #1d232a; --ink: #e8ecf1; --soft: #a3afbd; --line: #39434f; --field: #7d8a99;
    --act: #8ab4f8; --on-act: #0d1b30; --bad: #ffb4ab; --bad-ground: #3b1f1d; --good-ground: #1c3226;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 0 1rem 2rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
header, main, footer { max-width: 34rem; margin: 0 auto; }
header { padding: 1.25rem 0; font-weight: 700; letter-spacing: .02em; }
header a { color: inherit; text-decoration: none; }
main { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; }
@media (max-width: 30rem) { main { padding: 1rem; } }
footer { color: var(--soft); font-size: .8rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
p { margin: .5rem 0 1rem; }
a { color: var(--act); }
code { font: .9em ui-monospace, monospace; }
dl { margin: 0 0 1rem; display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { color: var(--soft); }
dd { margin: 0; }
ul.rows { list-style: none; margin: 0; padding: 0; }
ul.rows li { padding: .75rem 0; border-top: 1px solid var(--line); }
ul.rows li:first-child { border-top: 0; }
ul.rows p { margin: 0 0 .5rem; }
.soft { color: var(--soft); }
.field { margin: 0 0 1.1rem; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
.field .hint { color: var(--soft); font-size: .875rem; margin: .25rem 0 0; }
.field .wrong { color: var(--bad); font-size: .9rem; font-weight: 600; margin: .25rem 0 0; }
input:not([type=checkbox]):not([type=radio]) {
  width: 100%; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--field); border-radius: .4rem;
}
input[aria-invalid=true] { border-color: var(--bad); }
input[type=checkbox], input[type=radio] { width: 1.1rem; height: 1.1rem; margin: 0 .5rem 0 0; vertical-align: -.15rem; }
fieldset { border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 1rem; padding: .75rem 1rem; }
legend { font-weight: 600; padding: 0 .35rem; }
input.code { font-family: ui-monospace, monospace; letter-spacing: .06em; }
button {
  font: inherit; font-weight: 600; padding: .6rem 1.1rem; min-height: 2.75rem; border-radius: .4rem; cursor: pointer;
  border: 1px solid var(--act); background: var(--act); color: var(--on-act);
}
button.quiet { background: transparent; color: var(--act); }
button.bad { background: transparent; color: var(--bad); border-color: var(--bad); }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
[role=alert].box, main > [role=alert] { background: var(--bad-ground); border-radius: .5rem; padding: .75rem 1rem; }
[role=status] { background: var(--good-ground); border-radius: .5rem; padding: .75rem 1rem; }
`;

export function style(app: Hono<HttpEnv>): void {
  app.get(STYLE_PATH, (c) =>
    c.body(CSS, 200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=300' }),
  );
}
