/** The first version of the SDK on Express: a server and a transport for each session, in a map. */
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express, { type Request, type Response } from 'express';
import * as z from 'zod';

function createServer() {
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
  return server;
}

const transports = new Map<string, StreamableHTTPServerTransport>();

async function handle(request: Request, response: Response) {
  const sessionId = request.header('mcp-session-id');
  let transport = sessionId === undefined ? undefined : transports.get(sessionId);
  if (!transport && sessionId === undefined && isInitializeRequest(request.body)) {
    const opened = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void transports.set(id, opened),
    });
    opened.onclose = () => transports.delete(opened.sessionId ?? '');
    await createServer().connect(opened);
    transport = opened;
  }
  if (transport) await transport.handleRequest(request, response, request.body);
  else response.status(400).send('Bad Request: no valid session ID');
}

const app = express();
app.use(express.json());
app.all('/mcp', handle);
app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log('Listening'));
