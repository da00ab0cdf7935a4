/** `mcp-handler` with tokens; in a Hono app, where Next.js would have `export { handler as GET, handler as POST }`. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createMcpHandler, withMcpAuth } from 'mcp-handler';
import * as z from 'zod';

const inputSchema = z.object({ texts: z.array(z.string()) });
/** By client. There are no sessions. */
const totals = new Map<string | undefined, number>();

const handler = createMcpHandler(
  (server) => {
    server.registerTool(
      'count-words',
      { description: 'Counts the words of texts', inputSchema },
      async ({ texts }, { mcpReq, http }) => {
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
        const total = (totals.get(http?.authInfo?.clientId) ?? 0) + words;
        totals.set(http?.authInfo?.clientId, total);
        return { content: [{ type: 'text', text: `${words} words, ${total} so far` }] };
      },
    );

    server.registerResource('total', 'words://total', {}, async (uri, { http }) => {
      const total = totals.get(http?.authInfo?.clientId) ?? 0;
      return { contents: [{ uri: uri.href, text: String(total) }] };
    });
  },
  { serverInfo: { name: 'words', version: '1.0.0' } },
);

/** Such as `me:secret,somebody:another`. */
const clients = new Map(
  (process.env.TOKENS ?? '').split(',').map((pair) => pair.split(':').reverse() as [string, string]),
);
const authorized = withMcpAuth(
  handler,
  (_request, token = '') => {
    const clientId = clients.get(token);
    return clientId === undefined ? undefined : { token, clientId, scopes: [] };
  },
  { required: true },
);

const app = new Hono();
app.all('/mcp', (c) => authorized(c.req.raw));
const options = { fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1' };
serve(options, () => console.log('Listening'));
