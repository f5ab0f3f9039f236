/**
 * Names of fields in queries and forms, as the most forgiving servers read them: two names that some server takes for one are
 * one name here. Never used to read a field: comparing more names as equal only refuses more.
 */

/**
 * PHP turns `.` and space into `_` and reads `a[0]` as `a`, Rack and Node's `qs` read `[a]` as `a`, readers in C end a name at a
 * zero, others ignore case.
 * @param name decoded
 */
export function bareName(name: string): string {
  return name
    .replace(/^[\s[\]]+/, '')
    .trim()
    .toLowerCase()
    .replace(/[[\]\0].*$/s, '')
    .replaceAll(/[. ]/g, '_');
}

/** All that a name may be read as: PHP also turns a `[` that nothing closes into `_`. */
export function bareNames(name: string): readonly string[] {
  return [bareName(name), bareName(name.replaceAll(/(?<=[^[])\[(?![^\]]*\])/g, '_'))];
}
