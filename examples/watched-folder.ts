/**
 * Notifications from outside a call: the Markdown files of a folder are resources, and clients hear when one is saved.
 *
 * A webhook, a message queue or a timer works in the same way: whatever hears of a change calls `notify`. The folder is
 * `docs/`, or what `DOCS_FOLDER` names.
 */
import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { McpServer, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server';
import { createNotifier } from '../src/tools.ts';

const FOLDER = process.env['DOCS_FOLDER'] ?? fileURLToPath(new URL('../docs', import.meta.url));

/** The host attaches to it, because it is exported. It is the `notify` of the context, too. */
export const notify = createNotifier();

const uriOf = (name: string) => `docs://files/${name}`;
const fileNames = async () => (await readdir(FOLDER)).filter((name) => /^[\w-]+\.md$/.test(name));

watch(FOLDER, { persistent: false }, (event, name) => {
  // "rename" stands for created, deleted and renamed.
  if (event === 'rename') notify.resourcesChanged();
  if (name !== null) notify.resourceUpdated(uriOf(name));
});

/** Builds a server whose resources are the files in the folder. */
export function createMcpServer(): McpServer {
  const server = new McpServer(
    { name: 'watched-folder', version: '1.0.0' },
    { capabilities: { resources: { subscribe: true, listChanged: true } } },
  );
  const template = new ResourceTemplate('docs://files/{name}', {
    list: async () => ({ resources: (await fileNames()).map((name) => ({ name, uri: uriOf(name) })) }),
  });
  server.registerResource('file', template, { mimeType: 'text/markdown' }, async ({ href: uri }, { name }) => {
    // Only what is listed can be read, so no name leads out of the folder.
    const file = (await fileNames()).find((listed) => listed === name);
    if (file === undefined) throw new ResourceNotFoundError(uri);
    return { contents: [{ uri, mimeType: 'text/markdown', text: await readFile(join(FOLDER, file), 'utf8') }] };
  });
  return server;
}
