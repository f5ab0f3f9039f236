/** A labelled field with its hint and its error beside it, tied to it for whoever hears the page. Never shows a password again. */
import { markup, type Html } from './html.ts';

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'password' | 'email';
  /** What browsers and password managers fill in (HTML, "autofill"). */
  readonly autocomplete: string;
  readonly hint?: string;
  readonly isOptional?: boolean;
  readonly isCode?: boolean;
}

/** What a form came back with: what to show again, and what was wrong with which field. */
export interface Filled {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly wrong: Readonly<Record<string, string | undefined>>;
}

export const EMPTY: Filled = Object.freeze({ values: {}, wrong: {} });

/** @param isWholePage whether a person comes for these fields, and begins in the first of them */
export function fields(all: readonly Field[], { values, wrong }: Filled, isWholePage = true): readonly Html[] {
  const focused =
    all.find(({ name }) => wrong[name]) ?? (isWholePage ? all.find(({ name }) => !values[name]) : undefined);
  return all.map((field) => one(field, values[field.name], wrong[field.name], field === focused));
}

function one(field: Field, value: string | undefined, wrong: string | undefined, isFocused: boolean): Html {
  const { name, label, type = 'text', autocomplete, hint, isOptional = false, isCode = false } = field;
  const about = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(' ');
  const attributes = [
    about !== '' && markup` aria-describedby="${about}"`,
    wrong !== undefined && markup` aria-invalid="true"`,
    !isOptional && markup` required`,
    isFocused && markup` autofocus`,
    isCode && markup` class="code" autocapitalize="none" spellcheck="false"`,
    type !== 'password' && value !== undefined && markup` value="${value}"`,
  ];
  return markup`<div class="field">
<label for="${name}">${label}${isOptional && markup` <span class="soft">(optional)</span>`}</label>
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}"${attributes.map((each) => each || markup``)}>
${hint !== undefined && markup`<p class="hint" id="${name}-hint">${hint}</p>`}
${wrong !== undefined && markup`<p class="wrong" id="${name}-wrong" role="alert">${wrong}</p>`}
</div>
`;
}
