/**
 * Resources: a fixed one, many under a URI template, and clients that hear when one of them changes.
 *
 * The pages are the same for everybody. The `Map` stands in for a database, which all your servers would share.
 */
import { McpServer, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, type McpContext } from '../src/tools.ts';

const MAX_PAGES = 200;
const INDEX_URI = 'wiki://index';

const pages = new Map([['welcome', 'Change this page, or add another, with the tool `write-page`.']]);
const uriOf = (name: string) => `wiki://pages/${name}`;

const writePage = {
  description: 'Write a page of the wiki, in Markdown. Replaces the page if there is one of that name.',
  annotations: { title: 'Write a page', readOnlyHint: false, destructiveHint: true },
  inputSchema: cachedSchema(
    z.object({
      name: z.string().regex(/^[a-z0-9-]{1,40}$/, 'Use up to 40 lower-case letters, digits and hyphens'),
      text: z.string().max(10_000),
    }),
  ),
};

/** Builds a server of the wiki. All of them have the same pages. */
export function createMcpServer({ notify }: McpContext): McpServer {
  const server = new McpServer(
    { name: 'wiki', version: '1.0.0' },
    // With `subscribe`, clients can follow a resource: the host answers `resources/subscribe` and keeps the subscriptions.
    { capabilities: { resources: { subscribe: true, listChanged: true } } },
  );

  server.registerResource('index', INDEX_URI, { description: 'The names of all pages' }, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: [...pages.keys()].join('\n') }],
  }));

  const template = new ResourceTemplate('wiki://pages/{name}', {
    list: () => ({ resources: Array.from(pages.keys(), (name) => ({ name, uri: uriOf(name) })) }),
    complete: { name: (start) => [...pages.keys()].filter((name) => name.startsWith(start)) },
  });
  server.registerResource('page', template, { description: 'A page of the wiki' }, ({ href: uri }, { name }) => {
    const text = pages.get(String(name));
    if (text === undefined) throw new ResourceNotFoundError(uri);
    return { contents: [{ uri, mimeType: 'text/markdown', text }] };
  });

  server.registerTool('write-page', writePage, ({ name, text }) => {
    const isNew = !pages.has(name);
    if (isNew && pages.size >= MAX_PAGES) throw new Error('The wiki is full');
    pages.set(name, text);
    // Those who have subscribed to this page hear of it, whatever their session or revision.
    notify.resourceUpdated(uriOf(name));
    if (isNew) {
      notify.resourceUpdated(INDEX_URI);
      notify.resourcesChanged();
    }
    return { content: [{ type: 'text', text: `Written to ${uriOf(name)}` }] };
  });
  return server;
}
