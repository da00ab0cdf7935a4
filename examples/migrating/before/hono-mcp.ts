/** `@hono/mcp` as its README shows it: one server and one transport for everybody. */
import { StreamableHTTPTransport } from '@hono/mcp';
import { serve } from '@hono/node-server';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Hono } from 'hono';
import * as z from 'zod';

const server = new McpServer({ name: 'words', version: '1.0.0' });
let total = 0;

server.registerTool(
  'count-words',
  { description: 'Counts the words of texts', inputSchema: { texts: z.array(z.string()) } },
  async ({ texts }, { _meta, sendNotification }) => {
    let words = 0;
    for (const [index, text] of texts.entries()) {
      if (text.trim() === '') throw new Error(`Text ${index + 1} is empty`);
      words += text.trim().split(/\s+/).length;
      const progressToken = _meta?.progressToken;
      if (progressToken !== undefined) {
        const params = { progressToken, progress: index + 1, total: texts.length };
        await sendNotification({ method: 'notifications/progress', params });
      }
    }
    total += words;
    return { content: [{ type: 'text', text: `${words} words, ${total} so far` }] };
  },
);

server.registerResource('total', 'words://total', {}, async (uri) => {
  return { contents: [{ uri: uri.href, text: String(total) }] };
});

const transport = new StreamableHTTPTransport();

const app = new Hono();
app.all('/mcp', async (c) => {
  if (!server.isConnected()) await server.connect(transport);
  return transport.handleRequest(c);
});
const options = { fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1' };
serve(options, () => console.log('Listening'));
