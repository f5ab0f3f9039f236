/**
 * Text of others, made safe to show: what a terminal would obey (C0, DEL, C1) or what turns the order of a line around
 * (bidirectional controls) is replaced. Never decides what is printed, only how.
 */

// oxlint-disable-next-line no-control-regex -- controls are what this replaces
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// oxlint-disable-next-line no-control-regex -- the same, but for line ends that are ours
const CONTROLS_IN_LINES = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One value, on one line. */
export function printable(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}

/** A text whose line ends are ours. */
export function printableLines(text: string): string {
  return text.replace(CONTROLS_IN_LINES, '\ufffd');
}

/** JSON as it was, with the same characters written as escapes: they can stand in strings only. */
export function printableJson(json: string): string {
  return json.replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
