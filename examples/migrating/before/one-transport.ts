/** The first version of the SDK on Express: one server and one transport, for whoever comes first. */
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import * as z from 'zod';

const server = new McpServer({ name: 'words', version: '1.0.0' });
let total = 0;

server.tool(
  'count-words',
  'Counts the words of texts',
  { texts: z.array(z.string()) },
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

server.resource('total', 'words://total', async (uri) => {
  return { contents: [{ uri: uri.href, text: String(total) }] };
});

const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
await server.connect(transport);

const app = express();
app.use(express.json());
app.all('/mcp', (request, response) => transport.handleRequest(request, response, request.body));
app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log('Listening'));
