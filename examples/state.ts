/**
 * State: a basket for each session, a name for each caller, and drafts on disk that are deleted with their session.
 *
 * The server object comes and goes, so nothing of it is kept in this file. The host keeps `state`, and nobody reads what
 * belongs to another session or caller.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, type McpContext } from '../src/tools.ts';

const MAX_ITEMS = 50;

const addToBasket = {
  inputSchema: cachedSchema(z.object({ item: z.string().max(100) })),
  annotations: { title: 'Add to the basket', readOnlyHint: false, destructiveHint: false },
};
const setName = {
  inputSchema: cachedSchema(z.object({ name: z.string().max(100) })),
  annotations: { title: 'Tell your name', readOnlyHint: false, destructiveHint: true },
};
const greet = { annotations: { title: 'Greet', readOnlyHint: true } };
const saveDraft = {
  inputSchema: cachedSchema(z.object({ text: z.string().max(10_000) })),
  annotations: { title: 'Save a draft', readOnlyHint: false, destructiveHint: true },
};
const readDraft = { annotations: { title: 'Read the draft', readOnlyHint: true } };

const text = (message: string) => ({ content: [{ type: 'text' as const, text: message }] });

/** Builds a server, which remembers nothing itself. */
export function createMcpServer({ sessionId, state }: McpContext): McpServer {
  const server = new McpServer({ name: 'state', version: '1.0.0' });

  server.registerTool('add-to-basket', addToBasket, async ({ item }) => {
    // Not `get` and then `set`: of two calls at the same time, one would be lost.
    const items = await state.session.update<string[]>('basket', (before = []) => [...before, item].slice(-MAX_ITEMS));
    return text(`In your basket: ${items.join(', ')}`);
  });

  server.registerTool('set-name', setName, async ({ name }) => {
    await state.caller.set('name', name);
    return text('I will remember that, in your other sessions, too.');
  });

  server.registerTool('greet', greet, async () =>
    text(`Hello ${(await state.caller.get<string>('name')) ?? 'stranger'}`),
  );

  server.registerTool('save-draft', saveDraft, async ({ text: draft }) => {
    if (sessionId === undefined) throw new Error('A draft belongs to a session, and there is none');
    await mkdir(folderOf(sessionId), { recursive: true, mode: 0o700 });
    await writeFile(join(folderOf(sessionId), 'draft.txt'), draft);
    return text('Saved.');
  });

  server.registerTool('read-draft', readDraft, async () => {
    if (sessionId === undefined) throw new Error('A draft belongs to a session, and there is none');
    // The message of an error that is thrown is sent to the client, and the one of `readFile` has the path in it.
    return text(await readFile(join(folderOf(sessionId), 'draft.txt'), 'utf8').catch(() => 'There is no draft.'));
  });
  return server;
}

/** Called once, after a session was deleted, has expired, or had to make room: deletes what is kept elsewhere. */
export async function onSessionEnd(sessionId: string): Promise<void> {
  await rm(folderOf(sessionId), { recursive: true, force: true });
}

/** Whoever knows a session's id can use the session, so the id does not go to disk. */
function folderOf(sessionId: string): string {
  return join(tmpdir(), 'mcp-drafts', createHash('sha256').update(sessionId).digest('hex'));
}
