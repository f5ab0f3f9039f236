/**
 * The `--inject` grammar: header:NAME=TEMPLATE, query:NAME=T, cookie:NAME=T, basic:USER=T,PASS=T, path:T, body:/POINTER=T,
 * body:FIELD=T, or a scheme in JSON.
 */
import { parseInjections } from '@dauth/protocol';
import type { InjectionInput } from '@dauth/client';
import { givenJson, usage } from './output.ts';

export const DEFAULT_INJECT = 'header:authorization=Bearer {token}';

/** @throws CliError (usage) */
export function parseInject(spec: string): InjectionInput {
  if (spec.startsWith('{')) return givenJson('--inject', spec, (scheme) => parseInjections([scheme])[0]!);
  const [, place, rest] = /^(header|query|cookie|basic|path|body):(.+)$/s.exec(spec) ?? [];
  if (place === undefined || rest === undefined) throw malformed();
  if (place === 'path') return { in: 'path', value: rest };
  if (place === 'basic') {
    // The pass template may hold anything, so the first ",PASS=" ends the user.
    const [, user, pass] = /^USER=(.*?),PASS=(.*)$/is.exec(rest) ?? [];
    if (user === undefined || pass === undefined) throw malformed();
    return { in: 'basic', user, pass };
  }
  const equals = rest.indexOf('=');
  if (equals < 1) throw malformed();
  const [name, value] = [rest.slice(0, equals), rest.slice(equals + 1)];
  // A pointer begins with a slash, and no name of a form field has one.
  if (place === 'body')
    return name.startsWith('/') ? { in: place, pointer: name, value } : { in: place, field: name, value };
  // Header names have one spelling in an envelope, and people have several.
  return { in: place as 'header' | 'query' | 'cookie', name: place === 'header' ? name.toLowerCase() : name, value };
}

function malformed() {
  return usage(
    '--inject is header:NAME=TEMPLATE, query:NAME=TEMPLATE, cookie:NAME=TEMPLATE, basic:USER=TEMPLATE,PASS=TEMPLATE, path:TEMPLATE, body:/POINTER=TEMPLATE, body:FIELD=TEMPLATE or a scheme in JSON.',
    'For example --inject "header:authorization=Bearer {token}".',
  );
}
