import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../secret/writer.ts';
import { isLeftAlone, writeEscapedForms } from './escapes.ts';

test('[response.clean] what is taken for left alone is left alone by every writer', () => {
  const left = Buffer.from(
    Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => isLeftAlone(Buffer.of(octet))),
  );
  using out = new ByteWriter();
  let writers = 0;
  writeEscapedForms(out, left, Uint16Array.from(left), (write) => {
    write();
    writers++;
  });
  assert.ok(left.length > 62 && writers > 40, `${left.length} by ${writers}`);
  assert.equal(out.take().toString('latin1'), left.toString('latin1').repeat(writers));
});
