/**
 * Words as its author had it in a session: moved to the second version of the SDK, and nothing else. The host serves it,
 * but only to clients of the 2025 revisions, and it forgets when its object goes. `both-eras.ts` is what becomes of it.
 */
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const inputSchema = z.object({ text: z.string() });
const requestedSchema = {
  type: 'object' as const,
  properties: { sure: { type: 'boolean' as const } },
  required: ['sure'],
};
const URI = 'words://total';

const say = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** Builds a server. What it remembers goes with it. */
export function createMcpServer(): McpServer {
  const server = new McpServer(
    { name: 'words', version: '1.0.0' },
    { capabilities: { resources: { subscribe: true } } },
  );
  let total = 0;

  server.registerTool('count-words', { description: 'Counts words', inputSchema }, async ({ text }) => {
    total += text.split(/\s+/).length;
    await server.server.sendResourceUpdated({ uri: URI });
    return say(`${total} words so far`);
  });

  server.registerTool('reset', { description: 'Forgets the words so far' }, async ({ mcpReq }) => {
    const words = total;
    const message = `Forget ${words} words?`;
    const answer = await server.server.elicitInput({ message, requestedSchema }, { relatedRequestId: mcpReq.id });
    if (answer.action !== 'accept' || answer.content?.['sure'] !== true) return say('Nothing was forgotten.');
    // More may have been counted while the user was thinking.
    if (total !== words) return say(`There are ${total} words by now.`);
    total = 0;
    await server.server.sendResourceUpdated({ uri: URI });
    return say(`Forgot ${words} words.`);
  });

  server.registerResource('total', URI, {}, async () => ({ contents: [{ uri: URI, text: String(total) }] }));
  return server;
}
