/**
 * Injections: the slots of a request that a credential's fields fill, named by field and fixed text only (§2 `inject`).
 * Never holds a value: what stands here is public and is matched against requests before anything is opened.
 */
import { assertNoOverride, assertOneBody, foldName, parsePointer, type BodySlot } from './body-slot.ts';
import { canonicalHeaderName, isMethodOverride, isPathOverride } from './dispatch.ts';
import { LIMITS } from './limits.ts';
import { distinct, exactObject, integer, list, refuse, text } from './shape.ts';

/** Fixed text with `{field}` in it; a brace that is not a field reference is refused. */
export type Template = string;
export type TemplatePart = { readonly text: string } | { readonly field: string };

/** One slot. `name` is lowercase for headers; `segment` counts path segments from 0, where the slot is inserted. */
export type Injection =
  | { readonly in: 'header' | 'query' | 'cookie'; readonly name: string; readonly value: Template }
  | { readonly in: 'basic'; readonly user: Template; readonly pass: Template }
  | { readonly in: 'path'; readonly value: Template; readonly segment: number }
  | BodySlot;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const QUERY_NAME = /^[A-Za-z0-9._~\-[\]]{1,128}$/;
const FIELD = /^[a-z][a-z0-9_]{0,62}$/;
const MAX_TEMPLATE = 512;
const MAX_SEGMENT = 32;
/** Of one slot or another; which are whose is checked with the slot. */
const MEMBERS = ['name', 'value', 'user', 'pass', 'segment', 'pointer', 'field'];

/**
 * Header names that are never a slot: they frame the message, choose its route, carry our own proofs, or are the
 * executor's own (§5 "Never a slot"). Cookies have a slot of their own, so that two values cannot fight over one header.
 */
const NEVER_A_SLOT =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|upgrade|expect|trailer|cookie|range|if-range|accept-encoding|forwarded|via|dpop|proxy-.*|x-forwarded.*|dauth-.*|x-http-method.*)$/;

export function isNeverASlot(headerName: string): boolean {
  return (
    NEVER_A_SLOT.test(canonicalHeaderName(headerName)) || isMethodOverride(headerName) || isPathOverride(headerName)
  );
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseInjections(value: unknown): readonly Injection[] {
  const slots = distinct(list(value, '"inject"', 1, LIMITS.policyNames, parseInjection), '"inject"', slotKey);
  assertOneBody(bodySlots(slots));
  return slots;
}

/** The slots that are in the body of a request. */
export function bodySlots(injections: readonly Injection[]): readonly BodySlot[] {
  return injections.filter((injection) => injection.in === 'body');
}

/** What an injection occupies; `basic` is the Authorization header, and a header is named canonically. */
export function slotKey(injection: Injection): string {
  switch (injection.in) {
    case 'header':
      return headerSlotKey(injection.name);
    case 'query':
    case 'cookie':
      return `${injection.in} ${injection.name}`;
    case 'basic':
      return 'header authorization';
    case 'path':
      return 'path';
    case 'body':
      return `body ${foldName('pointer' in injection ? injection.pointer : injection.field)}`;
  }
}

/** The `slotKey` of a header slot that a request's header of this name would stand in. */
export function headerSlotKey(name: string): string {
  return `header ${canonicalHeaderName(name)}`;
}

/** The field names an injection refers to. */
export function injectedFields(injections: readonly Injection[]): ReadonlySet<string> {
  const fields = new Set<string>();
  for (const injection of injections) {
    for (const template of injection.in === 'basic' ? [injection.user, injection.pass] : [injection.value]) {
      for (const part of templateParts(template)) if ('field' in part) fields.add(part.field);
    }
  }
  return fields;
}

/** A credential field name: short, lowercase ASCII. */
export function parseFieldName(value: unknown): string {
  if (typeof value !== 'string' || !FIELD.test(value))
    refuse('A field name is lowercase letters, digits and "_", a letter first.');
  return value;
}

function parseInjection(value: unknown): Injection {
  const { in: place } = exactObject(value, 'An injection', ['in'], MEMBERS);
  switch (place) {
    case 'header':
    case 'query':
    case 'cookie': {
      const slot = exactObject(value, 'An injection', ['in', 'name', 'value']);
      return Object.freeze({ in: place, name: parseName(place, slot.name), value: parseTemplate(slot.value, true) });
    }
    case 'basic': {
      const slot = exactObject(value, 'A basic injection', ['in', 'user', 'pass']);
      const [user, pass] = [parseTemplate(slot.user, false), parseTemplate(slot.pass, false)];
      if (injectedFields([{ in: 'basic', user, pass }]).size === 0) refuse('A basic injection must name a field.');
      return Object.freeze({ in: place, user, pass });
    }
    case 'path': {
      const slot = exactObject(value, 'A path injection', ['in', 'value'], ['segment']);
      const segment = slot.segment === undefined ? 0 : integer(slot.segment, '"segment"', 0, MAX_SEGMENT);
      return Object.freeze({ in: place, value: parseTemplate(slot.value, true), segment });
    }
    case 'body': {
      const slot = exactObject(value, 'A body injection', ['in', 'value'], ['pointer', 'field']);
      if ((slot.pointer === undefined) === (slot.field === undefined))
        refuse('A body injection has a "pointer" into JSON or the name of a form "field", one of the two.');
      const template = parseTemplate(slot.value, true);
      if (slot.field === undefined)
        return Object.freeze({ in: place, pointer: parsePointer(slot.pointer), value: template });
      const field = parseName('body', slot.field);
      assertNoOverride(field);
      return Object.freeze({ in: place, field, value: template });
    }
    default:
      return refuse('An injection goes into a header, query, cookie, basic, path or body slot.');
  }
}

function parseName(place: 'header' | 'query' | 'cookie' | 'body', value: unknown): string {
  const name = text(value, 'The name of an injection', 128);
  if (place === 'query' || place === 'body') {
    if (!QUERY_NAME.test(name)) refuse('The name of a query or form injection has characters that need encoding.');
    return name;
  }
  if (!TOKEN.test(name)) refuse('The name of a header or cookie injection must be an HTTP token.');
  if (place === 'header' && name !== name.toLowerCase())
    refuse('The name of a header injection is written in lowercase.');
  if (place === 'header' && isNeverASlot(name)) refuse('That header can never be an injection slot.');
  return name;
}

function parseTemplate(value: unknown, needsField: boolean): Template {
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
