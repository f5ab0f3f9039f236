/**
 * Templates: fixed text with `{field}` in it, which is all that a slot or a scheme says of a value (§2 `inject`).
 * Never holds a value: what stands here is public.
 */
import { refuse, text } from './shape.ts';

/** Fixed text with `{field}` in it; a brace that is not a field reference is refused. */
export type Template = string;
export type TemplatePart = { readonly text: string } | { readonly field: string };

const FIELD = /^[a-z][a-z0-9_]{0,62}$/;
const MAX_TEMPLATE = 512;

/** A credential field name: short, lowercase ASCII. */
export function parseFieldName(value: unknown): string {
  if (typeof value !== 'string' || !FIELD.test(value))
    refuse('A field name is lowercase letters, digits and "_", a letter first.');
  return value;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTemplate(value: unknown, needsField: boolean): Template {
  const template =
    typeof value === 'string' && value.length === 0 && !needsField ? '' : text(value, 'A template', MAX_TEMPLATE);
  if (/[^\x20-\x7e]/.test(template)) refuse('A template is printable ASCII.');
  if (needsField && !templateParts(template).some((part) => 'field' in part))
    refuse('A template must name a field, as in "Bearer {token}".');
  return template;
}

/** Splits a template into fixed text and field references. @throws DAuthError `INVALID_REQUEST` for a stray brace */
export function templateParts(template: Template): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  for (const piece of template.split(/(\{[^{}]*\})/)) {
    if (piece === '') continue;
    if (piece.startsWith('{') && piece.endsWith('}')) parts.push({ field: parseFieldName(piece.slice(1, -1)) });
    else if (/[{}]/.test(piece)) refuse('A template has a brace that is not part of a field reference.');
    else parts.push({ text: piece });
  }
  return parts;
}
