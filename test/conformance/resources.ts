/** The resources that the suite's scenarios read and subscribe to. */
import { ResourceTemplate, type McpServer } from '@modelcontextprotocol/server';
import { PNG } from './content.ts';

export function registerResources(server: McpServer): void {
  server.registerResource(
    'static-text',
    'test://static-text',
    { description: 'A text that is always the same', mimeType: 'text/plain' },
    ({ href: uri }) => ({ contents: [{ uri, mimeType: 'text/plain', text: 'The same text every time.' }] }),
  );
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { description: 'A picture of one pixel', mimeType: 'image/png' },
    ({ href: uri }) => ({ contents: [{ uri, mimeType: 'image/png', blob: PNG }] }),
  );
  server.registerResource(
    'watched',
    'test://watched-resource',
    { description: 'A text to subscribe to', mimeType: 'text/plain' },
    ({ href: uri }) => ({ contents: [{ uri, mimeType: 'text/plain', text: 'Nothing has happened yet.' }] }),
  );
  server.registerResource(
    'by-id',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'What there is under an id', mimeType: 'application/json' },
    ({ href: uri }, { id }) => ({ contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id }) }] }),
  );

  // Subscriptions are in the session's record. Nothing changes here, so nobody needs to be notified.
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
