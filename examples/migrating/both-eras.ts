/**
 * Words for clients of both eras: what `sessions-only.ts` kept in a closure is in the host's state, it asks its user by
 * returning the question, and it tells everybody what has changed. docs/migrating.md shows the difference.
 */
import { acceptedContent, inputRequired, inputResponse, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { McpContext } from '../../src/tools.ts';

const inputSchema = z.object({ text: z.string() });
const requestedSchema = z.object({ sure: z.boolean() });
const URI = 'words://total';

const say = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** Builds a server, which remembers nothing itself. */
export function createMcpServer({ sessionId, state, notify, requestState }: McpContext): McpServer {
  const server = new McpServer(
    { name: 'words', version: '1.0.0' },
    { capabilities: { resources: { subscribe: true } }, requestState },
  );
  const kept = sessionId === undefined ? state.caller : state.session;
  const read = async () => (await kept.get<number>('total')) ?? 0;

  server.registerTool('count-words', { description: 'Counts words', inputSchema }, async ({ text }) => {
    const total = await kept.update<number>('total', (before = 0) => before + text.split(/\s+/).length);
    notify.resourceUpdated(URI);
    return say(`${total} words so far`);
  });

  server.registerTool('reset', { description: 'Forgets the words so far' }, async (context) => {
    const { mcpReq } = context;
    if (inputResponse(mcpReq.inputResponses, 'confirmation').kind === 'missing') {
      const words = await read();
      const confirmation = inputRequired.elicit({ message: `Forget ${words} words?`, requestedSchema });
      const shown = await requestState.mint({ words }, context);
      return inputRequired({ inputRequests: { confirmation }, requestState: shown });
    }
    const answer = acceptedContent(mcpReq.inputResponses, 'confirmation', requestedSchema);
    const shown = mcpReq.requestState<{ words: number }>();
    if (answer?.sure !== true || shown === undefined) return say('Nothing was forgotten.');
    // More may have been counted while the user was thinking.
    const total = await kept.update<number>('total', (now = 0) => (now === shown.words ? 0 : now));
    if (total > 0) return say(`There are ${total} words by now.`);
    notify.resourceUpdated(URI);
    return say(`Forgot ${shown.words} words.`);
  });

  server.registerResource('total', URI, {}, async () => ({ contents: [{ uri: URI, text: String(await read()) }] }));
  return server;
}
