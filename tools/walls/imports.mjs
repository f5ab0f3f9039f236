/** What a file imports, against the law: neighbours, outside packages, windows, and nothing computed at run time. */
import { join, dirname } from 'node:path';

/** @returns {(room: string, path: string, each: object, declared: object, used: Set<string>) => void} */
export function makeImports(law, say, checkPower) {
  function checkWindow(path, name, line) {
    const files = law.windows[name];
    if (files !== undefined && !files.some((file) => path === file || path.startsWith(`${file}/`)))
      say(path, line, `${name} may be used only in ${files.join(', ')}`);
  }

  /** A window may be on one name of a module: then nobody takes the module whole, which would have the name in it. */
  function checkNames(path, module, { kind, names, line }) {
    const windows = Object.keys(law.windows).filter((window) => window.startsWith(`${module} `));
    if (windows.length > 0 && names.some((name) => name === '*' || name === 'default'))
      say(path, line, `${module} may not be taken whole; import the names that are used`);
    for (const window of windows) {
      if (!names.includes(window.slice(module.length + 1))) continue;
      checkWindow(path, window, line);
      if (kind === 'export') say(path, line, `${window} may not be passed on`);
    }
  }

  /** A window on a file is a window on all its names, however they are imported. */
  function checkRelative(room, path, { kind, specifier, typeOnly, line }) {
    const target = sourceOf(path, specifier);
    if (target.split('/')[0] !== room) say(path, line, 'a relative import leaves the package; use its public name');
    if (/\.test(?:-support)?\.ts$/.test(target)) say(path, line, 'what is built imports what is only for tests');
    if (typeOnly) return;
    checkWindow(path, target, line);
    if (kind === 'export' && target in law.windows) say(path, line, `${target} may not be passed on`);
  }

  return function checkImport(room, path, each, declared, used) {
    const { kind, specifier, typeOnly, line } = each;
    if (specifier === undefined) {
      if (!law.computedImports.includes(path)) say(path, line, 'an import is computed at run time');
      return;
    }
    if (specifier.startsWith('.')) return checkRelative(room, path, each);
    const isNode = specifier.startsWith('node:');
    const name = isNode ? specifier : specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    used.add(name);
    if (name.startsWith('@dauth/')) {
      if (!law.rooms[room].neighbours.includes(name.slice(7))) say(path, line, `${room} may not import ${name}`);
      if (specifier !== name) say(path, line, `${specifier} reaches into another package; use its public name`);
    } else if (isNode) {
      if (!typeOnly) checkPower(room, path, name, line);
    } else if (!law.rooms[room].outside.includes(name) || !(name in declared)) {
      say(path, line, `${room} may not import ${name}`);
    }
    if (typeOnly) return;
    checkWindow(path, name, line);
    checkNames(path, name, each);
    if (kind === 'export' && name in law.windows) say(path, line, `${name} may not be passed on`);
  };
}

/** The source a relative specifier leads to: without query and fragment, and `.js` for the `.ts` it is made from. */
export function sourceOf(path, specifier) {
  return join(dirname(path), specifier.split(/[?#]/, 1)[0]).replace(/\.js$/, '.ts').replaceAll('\\', '/');
}
