/**
 * Templates: fixed text with `{field}` in it, which is all that a slot or a scheme says of a value (§2 `inject`).
 * Never holds a value: what stands here is public.
 */
import { refuse, text } from './shape.ts';

/** Fixed text with `{field}` in it; a brace that is not a field reference is refused. */
export type Template = string;
export type TemplatePart = { readonly text: string } | { readonly field: string };

/** What a scheme may name of the request it signs, as `{@name}`. */
export const REQUEST_PARTS = Object.freeze([
  'method',
  'host',
  'path',
  'query',
  'target',
  'body',
  'timestamp',
  'nonce',
  'digest',
  'signature',
  'lf',
] as const);
export type RequestPart = (typeof REQUEST_PARTS)[number];
/** A piece of a signing template: one of a template, or a part of the request. */
export type SigningPart = TemplatePart | { readonly part: RequestPart };

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

/**
 * A template that may name parts of the request too, of those that can be known where it stands.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function parseSigningTemplate(value: unknown, known: readonly RequestPart[]): Template {
  const template = text(value, 'A template', MAX_TEMPLATE);
  if (/[^\x20-\x7e]/.test(template)) refuse('A template is printable ASCII.');
  if (signingParts(template).some((part) => 'part' in part && !known.includes(part.part)))
    refuse('A template names a part of the request that is not there where it stands.');
  return template;
}

/** As `templateParts`, with `{@name}` for a part of the request. @throws DAuthError `INVALID_REQUEST` */
export function signingParts(template: Template): readonly SigningPart[] {
  return template.split(/(\{@[^{}]*\})/).flatMap((piece): readonly SigningPart[] => {
    if (!piece.startsWith('{@')) return templateParts(piece);
    const part = REQUEST_PARTS.find((name) => `{@${name}}` === piece);
    return part === undefined ? refuse('A template names a part that no request has.') : [{ part }];
  });
}

/** The field names some templates refer to, of either kind. */
export function namedFields(templates: readonly Template[]): readonly string[] {
  return templates.flatMap((template) =>
    signingParts(template).flatMap((part) => ('field' in part ? [part.field] : [])),
  );
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
