/** How the demo speaks: steps, facts, expectations. Counts what held; never prints the token. */
import { styleText } from 'node:util';

export class Show {
  #held = 0;
  #failed = 0;
  #unchecked = 0;
  readonly #began = Date.now();

  title(text: string): void {
    console.log(`\n${styleText('bold', text)}`);
  }

  /** Something that happened, with what it means. */
  fact(label: string, value: string): void {
    console.log(`  ${label.padEnd(22)} ${value}`);
  }

  /** Something that must be so. */
  expect(what: string, held: boolean, detail = ''): void {
    if (held) this.#held += 1;
    else this.#failed += 1;
    const mark = held ? styleText('green', 'ok  ') : styleText('red', 'FAIL');
    console.log(`  ${mark} ${what}${detail === '' ? '' : ` (${detail})`}`);
  }

  /** Something that could not be looked at here. */
  notChecked(what: string, why: string): void {
    this.#unchecked += 1;
    console.log(`  ${styleText('yellow', 'NOT CHECKED')} ${what}: ${why}`);
  }

  /** @returns the exit code */
  end(): number {
    const seconds = ((Date.now() - this.#began) / 1_000).toFixed(0);
    const unchecked = this.#unchecked === 0 ? '' : `, ${this.#unchecked} not checked`;
    console.log(`\n${this.#held} expectations held, ${this.#failed} failed${unchecked}, in ${seconds} s`);
    return this.#failed === 0 ? 0 : 1;
  }
}
