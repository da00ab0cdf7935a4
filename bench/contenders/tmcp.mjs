/** tmcp with its HTTP transport, both eras, sessions in memory; on the Node.js adapter that this project uses, too. */
import { serve } from '@hono/node-server';
import { ZodJsonSchemaAdapter } from '@tmcp/adapter-zod';
import { HttpTransport } from '@tmcp/transport-http';
import { McpServer } from 'tmcp';
import * as z from 'zod';
import { extraTools } from './extra-tools.mjs';
import { hostname, port, slugify, slugifyBatch } from './tools.mjs';

const server = new McpServer(
  { name: 'bench', version: '1.0.0' },
  { adapter: new ZodJsonSchemaAdapter(), capabilities: { tools: { listChanged: true } } },
);
const configOf = ({ name, title, description, shape, outputShape }) => ({
  name,
  title,
  description,
  schema: z.object(shape),
  ...(outputShape && { outputSchema: z.object(outputShape) }),
});
for (const tool of [slugify, ...extraTools]) server.tool(configOf(tool), (args) => tool.call(args));
server.tool(configOf(slugifyBatch), (args) =>
  slugifyBatch.call(args, async (progress, total) => server.progress(progress, total)),
);

const transport = new HttpTransport(server, { path: '/mcp' });
serve({
  fetch: async (request) => (await transport.respond(request)) ?? new Response(null, { status: 404 }),
  port,
  hostname,
});
