/** Reads one source file into the facts the walls are about: what it imports, what it reaches, what it names. No judgement. */
import { parseSync } from 'oxc-parser';
import { children, globalReferences, isErased, propertyName, reachedPaths } from './scope.mjs';

/**
 * @typedef {object} Import
 * @property {string | undefined} specifier undefined when it is computed at run time
 * @property {string[]} names imported names, `default`, or `*` for a namespace or a whole module
 * @property {boolean} typeOnly erased at compile time
 * @property {'import' | 'export' | 'dynamic' | 'resolve' | 'require'} kind
 * @property {number} line
 *
 * @typedef {object} Facts
 * @property {Import[]} imports
 * @property {{ path: string, line: number, use: 'call' | 'new' | 'new-empty' | 'read' }[]} globals dotted paths, see `reachedPaths`
 * @property {{ name: string, line: number }[]} members every property name read or called, `''` where it is computed
 */

/**
 * @param {string} file used for the dialect (`.ts`, `.tsx`, `.mjs`) and in errors
 * @param {string} text
 * @returns {Facts}
 */
export function readFacts(file, text) {
  const { program, errors } = parseSync(file, text, {});
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0].message}`);
  const lineOf = lineIndex(text);
  const facts = { imports: [], globals: [], members: [] };

  walk(program, false);
  for (const reference of globalReferences(program)) {
    const parent = reference.ancestors.at(-1);
    for (const path of reachedPaths(reference))
      facts.globals.push({ path, line: lineOf(reference.node.start), use: useOf(reference) });
    if (reference.name === 'require' && parent?.type === 'CallExpression' && parent.callee === reference.node)
      addImport('require', parent.arguments[0], ['*'], false, parent.start);
  }
  return facts;

  function addImport(kind, source, names, typeOnly, start) {
    const specifier =
      source?.type === 'Literal' && typeof source.value === 'string' ? source.value : templateText(source);
    facts.imports.push({ kind, specifier, names, typeOnly, line: lineOf(start) });
  }

  function walk(node, erased) {
    const gone = erased || isErased(node);
    switch (node.type) {
      case 'ImportDeclaration':
        addImport('import', node.source, runtimeNames(node.specifiers), isTypeOnly(node, node.importKind), node.start);
        break;
      case 'ExportNamedDeclaration':
        if (node.source) {
          const names = runtimeNames(node.specifiers);
          addImport('export', node.source, names, isTypeOnly(node, node.exportKind), node.start);
        }
        break;
      case 'ExportAllDeclaration':
        addImport('export', node.source, ['*'], node.exportKind === 'type', node.start);
        break;
      case 'TSImportType':
        addImport('import', node.source ?? node.argument, [], true, node.start);
        break;
      case 'TSExternalModuleReference':
        addImport('require', node.expression, ['*'], false, node.start);
        break;
      case 'ImportExpression':
        addImport('dynamic', node.source, ['*'], false, node.start);
        break;
      case 'CallExpression':
        if (isImportMetaResolve(node.callee)) addImport('resolve', node.arguments[0], ['*'], false, node.start);
        break;
      case 'MemberExpression':
        if (!gone) facts.members.push({ name: propertyName(node) ?? '', line: lineOf(node.property.start) });
        break;
      case 'ObjectPattern':
        for (const part of node.properties)
          if (part.type === 'Property' && !part.computed)
            facts.members.push({ name: part.key.name ?? String(part.key.value), line: lineOf(part.start) });
    }
    for (const { child } of children(node)) walk(child, gone);
  }
}

/** How the name itself is used. Spread arguments may be none. */
function useOf({ node, ancestors }) {
  const parent = ancestors.at(-1);
  if (parent?.callee !== node) return 'read';
  if (parent.type === 'CallExpression') return 'call';
  return parent.arguments.every(({ type }) => type === 'SpreadElement') ? 'new-empty' : 'new';
}

/** `import {}` with nothing but `type` names inside still runs the module unless the whole declaration is type-only. */
function isTypeOnly(node, kind) {
  const specifiers = node.specifiers ?? [];
  return (
    kind === 'type' || (specifiers.length > 0 && specifiers.every((s) => (s.importKind ?? s.exportKind) === 'type'))
  );
}

function runtimeNames(specifiers) {
  return specifiers
    .filter((s) => (s.importKind ?? s.exportKind) !== 'type')
    .map((s) => {
      if (s.type === 'ImportNamespaceSpecifier') return '*';
      if (s.type === 'ImportDefaultSpecifier') return 'default';
      const name = s.imported ?? s.local;
      return name.name ?? String(name.value);
    });
}

function templateText(source) {
  return source?.type === 'TemplateLiteral' && source.expressions.length === 0
    ? source.quasis[0].value.cooked
    : undefined;
}

function isImportMetaResolve(callee) {
  return (
    callee.type === 'MemberExpression' && callee.object.type === 'MetaProperty' && propertyName(callee) === 'resolve'
  );
}

function lineIndex(text) {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
