import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOverrideField } from './dispatch.ts';
import { bareName, bareNames } from './field-name.ts';

test('a field name is what the most forgiving servers read', () => {
  for (const name of [
    'api_key',
    'API_KEY',
    'api.key',
    'api key',
    ' api_key',
    '\tapi_key ',
    'api_key[]',
    'api_key[0][x',
    '[api_key]',
    '[[api_key',
    ']api_key',
    'api_key\0x',
    '[ api_key',
  ])
    assert.equal(bareName(name), 'api_key', JSON.stringify(name));
  assert.equal(bareNames('api[key').includes('api_key'), true, 'PHP, where nothing closes the bracket');
  assert.equal(bareNames('api[key').includes('api'), true, 'Rack');
  assert.equal(bareNames('api[key]').includes('api_key'), false);
});

test('[dispatch.bound] an override is one in brackets too, as Rack and qs read it', () => {
  for (const name of ['_method', '[_method]', '%5B_method%5D', '[[_method', '][_method', '+[ _method]', '_method[]'])
    assert.equal(isOverrideField(name), true, name);
  for (const name of ['method', '[method]', 'payment_method', 'a[_method]', '_methods'])
    assert.equal(isOverrideField(name), false, name);
});
