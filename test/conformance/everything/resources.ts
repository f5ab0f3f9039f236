/** The resources of the suite's server: text, octets, a template, and one that a session can subscribe to. */
import { ResourceTemplate, type McpServer } from '@modelcontextprotocol/server';
import { PNG } from './content.ts';

const TEXTS = {
  'test://static-text': 'This is the content of the static text resource.',
  'test://watched-resource': 'This is watched, and does not change.',
};

export function addResources(server: McpServer): void {
  const mimeType = 'text/plain';
  for (const [uri, text] of Object.entries(TEXTS))
    server.registerResource(new URL(uri).host, uri, { mimeType }, () => ({ contents: [{ uri, mimeType, text }] }));
  server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'image/png', blob: PNG }],
  }));
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, { mimeType: 'application/json' }, ({ href }, { id }) => {
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` });
    return { contents: [{ uri: href, mimeType: 'application/json', text: data }] };
  });
  // Of sessions alone: later clients name what they want to hear of where they listen. Nothing here ever changes, so there is
  // nobody to remember.
  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const)
    server.server.setRequestHandler(method, () => ({}));
}
