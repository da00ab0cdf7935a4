/** The server that the dashboard is drawn of: a fast tool, a slow one, one that fails now and then, and one that streams. */
import { setTimeout } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { serve } from '../../src/node/serve.ts';
import { cachedSchema, type McpContext } from '../../src/tools.ts';

const input = cachedSchema(z.object({ n: z.number() }));

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

function createMcpServer({ state, sessionId }: McpContext): McpServer {
  const server = new McpServer({ name: 'dashboard', version: '1.0.0' }, { capabilities: { logging: {} } });
  server.registerTool('lookup', { inputSchema: input }, async ({ n }) => {
    await setTimeout(2 + (n % 7));
    return text(String(n));
  });
  server.registerTool('remember', { inputSchema: input }, async ({ n }) => {
    if (sessionId !== undefined) await state.session.set('last', n);
    return text('kept');
  });
  server.registerTool('report', { inputSchema: input }, async ({ n }, { mcpReq }) => {
    for (let step = 1; step <= 4; step += 1) {
      await setTimeout(40 + (n % 60));
      await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: `step ${step}` } });
    }
    return text('done');
  });
  server.registerTool('import', { inputSchema: input }, async ({ n }) => {
    await setTimeout(20);
    if (n % 5 === 0) throw new Error('The source is not available');
    return text('imported');
  });
  return server;
}

await serve(createMcpServer);
