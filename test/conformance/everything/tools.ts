/** The tools of the suite's server that answer at once, and ask nobody anything. */
import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { image, resource, text, WAV } from './content.ts';

/** Every keyword that has to come through `tools/list` as it is (JSON Schema 2020-12). */
const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line no-thenable -- a keyword of JSON Schema, and never awaited
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const ANSWERS = {
  test_simple_text: [text('This is a simple text response for testing.')],
  test_image_content: [image],
  test_audio_content: [{ type: 'audio' as const, data: WAV, mimeType: 'audio/wav' }],
  test_embedded_resource: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  test_multiple_content_types: [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
};

export function addTools(server: McpServer): void {
  for (const [name, content] of Object.entries(ANSWERS))
    server.registerTool(name, { description: name, inputSchema: z.object({}) }, () => ({ content }));
  server.registerTool('test_error_handling', { description: 'throws', inputSchema: z.object({}) }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  const schema = { description: 'a schema of 2020-12', inputSchema: fromJsonSchema(SCHEMA) };
  server.registerTool('json_schema_2020_12_tool', schema, () => ({ content: [text('Valid.')] }));
  const region = z.string().meta({ 'x-mcp-header': 'Region' });
  server.registerTool(
    'test_x_mcp_header',
    { description: 'an argument that is mirrored in a header', inputSchema: z.object({ region }) },
    (given) => ({ content: [text(given.region)] }),
  );
}
