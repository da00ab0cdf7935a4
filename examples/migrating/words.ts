/**
 * Words: the server that each of those in `before/` becomes. docs/migrating.md shows what has changed.
 *
 * It counts words, reports progress, refuses empty texts, and remembers for each session, or for each caller where there
 * are no sessions, how many words there were so far.
 */
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, type McpContext } from '../../src/tools.ts';

const inputSchema = cachedSchema(z.object({ texts: z.array(z.string()) }));

/** Builds a server, which remembers nothing itself. */
export function createMcpServer({ sessionId, state }: McpContext): McpServer {
  const server = new McpServer({ name: 'words', version: '1.0.0' });
  // In 2026-07-28 there is no session, but a caller, provided that callers have tokens.
  const kept = sessionId === undefined ? state.caller : state.session;

  server.registerTool(
    'count-words',
    { description: 'Counts the words of texts', inputSchema },
    async ({ texts }, { mcpReq }) => {
      let words = 0;
      for (const [index, text] of texts.entries()) {
        if (text.trim() === '') throw new Error(`Text ${index + 1} is empty`);
        words += text.trim().split(/\s+/).length;
        const progressToken = mcpReq._meta?.progressToken;
        if (progressToken !== undefined) {
          const params = { progressToken, progress: index + 1, total: texts.length };
          await mcpReq.notify({ method: 'notifications/progress', params });
        }
      }
      const total = await kept.update<number>('total', (before = 0) => before + words);
      return { content: [{ type: 'text', text: `${words} words, ${total} so far` }] };
    },
  );

  server.registerResource('total', 'words://total', {}, async (uri) => {
    const total = (await kept.get<number>('total')) ?? 0;
    return { contents: [{ uri: uri.href, text: String(total) }] };
  });
  return server;
}
