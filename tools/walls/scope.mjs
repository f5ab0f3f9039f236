/** Which names in a syntax tree are bound by the file and which reach for a global. Nothing about the law lives here. */
import { visitorKeys } from 'oxc-parser';

/** Wrappers that change a type but not a value: `x!`, `x as T`, `(x)`, `x?.y`. */
const TRANSPARENT = new Set([
  'TSNonNullExpression',
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
  'ChainExpression',
  'ParenthesizedExpression',
]);
/** TypeScript nodes that have run-time parts. Every other `TS…` node is a type: it holds no power. */
const RUNTIME_TS = new Set([
  ...TRANSPARENT,
  'TSEnumDeclaration',
  'TSEnumBody',
  'TSEnumMember',
  'TSModuleDeclaration',
  'TSModuleBlock',
  'TSParameterProperty',
  'TSExportAssignment',
]);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const BLOCKS = new Set([
  'BlockStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'CatchClause',
  'SwitchStatement',
  'StaticBlock',
  'TSModuleBlock',
  'ClassDeclaration',
  'ClassExpression',
]);

/** True for nodes that vanish when types are erased. */
export function isErased(node) {
  return (node.type.startsWith('TS') && !RUNTIME_TS.has(node.type)) || node.declare === true;
}

/** The direct child nodes of `node`, in source order. */
export function* children(node) {
  for (const key of visitorKeys[node.type] ?? []) {
    const value = node[key];
    for (const child of Array.isArray(value) ? value : [value]) if (child?.type) yield { key, child };
  }
}

/**
 * Every reference to a name this file does not bind, with its ancestors (nearest last).
 * @returns {{ name: string, node: object, ancestors: object[] }[]}
 */
export function globalReferences(program) {
  const references = [];
  const top = { names: new Set(), parent: null, hoists: true };
  visit(program, top, []);
  return references.filter(({ name, scope }) => {
    for (let at = scope; at; at = at.parent) if (at.names.has(name)) return false;
    return true;
  });

  function visit(node, scope, ancestors) {
    if (isErased(node)) return;
    if (node.type === 'Identifier') return void references.push({ name: node.name, node, scope, ancestors });
    let inner = scope;
    if (FUNCTIONS.has(node.type)) {
      if (node.type === 'FunctionDeclaration' && node.id) scope.names.add(node.id.name);
      inner = { names: new Set(['arguments']), parent: scope, hoists: true };
      if (node.type === 'FunctionExpression' && node.id) inner.names.add(node.id.name);
      for (const param of node.params) bind(param, inner);
    } else if (BLOCKS.has(node.type)) {
      inner = { names: new Set(), parent: scope, hoists: node.type === 'StaticBlock' };
      if (node.type === 'ClassDeclaration' && node.id) scope.names.add(node.id.name);
      if (node.type === 'ClassExpression' && node.id) inner.names.add(node.id.name);
      if (node.type === 'CatchClause' && node.param) bind(node.param, inner);
    } else if (node.type === 'VariableDeclaration') {
      let target = scope;
      if (node.kind === 'var') while (!target.hoists) target = target.parent;
      for (const { id } of node.declarations) bind(id, target);
    } else if (node.type === 'ImportDeclaration') {
      for (const { local } of node.specifiers) scope.names.add(local.name);
      return;
    } else if (node.type === 'TSEnumDeclaration' || node.type === 'TSModuleDeclaration') {
      if (node.id.type === 'Identifier') scope.names.add(node.id.name);
    }
    const path = [...ancestors, node];
    for (const { key, child } of children(node)) if (!isNameOnly(node, key)) visit(child, inner, path);
  }

  /** Declares the names of a binding pattern. Its own identifiers are skipped by `visit` through `isNameOnly`. */
  function bind(pattern, scope) {
    switch (pattern.type) {
      case 'Identifier':
        scope.names.add(pattern.name);
        break;
      case 'ObjectPattern':
        for (const part of pattern.properties) bind(part.type === 'RestElement' ? part.argument : part.value, scope);
        break;
      case 'ArrayPattern':
        for (const part of pattern.elements) if (part) bind(part, scope);
        break;
      case 'AssignmentPattern':
        bind(pattern.left, scope);
        break;
      case 'RestElement':
        bind(pattern.argument, scope);
        break;
      case 'TSParameterProperty':
        bind(pattern.parameter, scope);
    }
  }
}

/** Positions in which an identifier is only a name, never a reference. (A bound name visited as a reference is harmless.) */
function isNameOnly(node, key) {
  switch (node.type) {
    case 'MemberExpression':
      return key === 'property' && !node.computed;
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'AccessorProperty':
      return key === 'key' && !node.computed;
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return key === 'label';
    case 'ExportSpecifier':
      return key === 'exported';
    case 'ExportNamedDeclaration':
      return key === 'specifiers' && node.source !== null;
    case 'ExportAllDeclaration':
    case 'MetaProperty':
    case 'ImportAttribute':
      return true;
    case 'TSEnumMember':
      return key === 'id';
    default:
      return false;
  }
}

/** The name of a property access, or undefined when it is computed at run time. */
export function propertyName(member) {
  if (!member.computed) return member.property.name;
  if (member.property.type === 'Literal') return String(member.property.value);
  if (member.property.type === 'TemplateLiteral' && member.property.expressions.length === 0)
    return member.property.quasis[0].value.cooked;
  return undefined;
}

/**
 * What a reference reaches, as dotted paths: `process.env.HOME` → `['process.env.HOME']`; `const { env, pid } = process` →
 * `['process.env', 'process.pid']`. A path that ends in `.*` means that the value itself escapes (it is passed on, stored or
 * indexed at run time), so everything below it is within reach. `globalThis.` in front is cut off.
 */
export function reachedPaths({ name, node, ancestors }) {
  const path = [name];
  let at = node;
  for (let i = ancestors.length - 1; i >= 0; i--) {
    const parent = ancestors[i];
    if (TRANSPARENT.has(parent.type)) {
      at = parent;
      continue;
    }
    if (parent.type === 'MemberExpression' && parent.object === at) {
      const property = propertyName(parent);
      if (property === undefined) return [finish([...path, '*'])];
      path.push(property);
      at = parent;
      continue;
    }
    if (parent.type === 'VariableDeclarator' && parent.init === at && parent.id.type === 'ObjectPattern') {
      return parent.id.properties.map((part) =>
        part.type === 'RestElement' || (part.computed && part.key.type !== 'Literal')
          ? finish([...path, '*'])
          : finish([...path, part.key.name ?? String(part.key.value)]),
      );
    }
    const isUsed = (parent.type === 'CallExpression' || parent.type === 'NewExpression') && parent.callee === at;
    const isTested = parent.type === 'UnaryExpression' && parent.operator === 'typeof';
    return isTested ? [] : [finish(isUsed ? path : [...path, '*'])];
  }
  return [finish([...path, '*'])];
}

function finish(path) {
  let start = 0;
  while (start < path.length - 1 && ['globalThis', 'global', 'self', 'window'].includes(path[start])) start++;
  return path.slice(start).join('.');
}
