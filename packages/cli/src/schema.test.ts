import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { schema } from './config.ts';

test('the published configuration schema is the one in force', () => {
  const published: unknown = JSON.parse(
    readFileSync(new URL('../../../docs/config.schema.json', import.meta.url), 'utf8'),
  );
  assert.deepEqual(published, JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: 'input' }))));
});
