/** mcp-handler, which serves both eras without sessions; on Hono, as its README names it. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createMcpHandler } from 'mcp-handler';
import { registerTools } from './sdk2-server.mjs';
import { hostname, port } from './tools.mjs';

const handler = createMcpHandler(registerTools, { serverInfo: { name: 'bench', version: '1.0.0' } });

const app = new Hono();
app.all('/mcp', (c) => handler(c.req.raw));
serve({ fetch: app.fetch, port, hostname });
