/** `@hono/mcp`, used safely: a server and a transport for each session. Its README shares one among all clients. */
import { randomUUID } from 'node:crypto';
import { StreamableHTTPTransport } from '@hono/mcp';
import { serve } from '@hono/node-server';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { Hono } from 'hono';
import { buildServer } from './sdk1-server.mjs';
import { hostname, port } from './tools.mjs';

const transports = new Map();

const app = new Hono();
app.all('/mcp', async (c) => {
  const sessionId = c.req.header('mcp-session-id');
  const known = transports.get(sessionId);
  if (known) return known.handleRequest(c);
  if (sessionId) return c.body(null, 404);
  const body = await c.req.json();
  if (!isInitializeRequest(body)) return c.body(null, 400);
  const transport = new StreamableHTTPTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void transports.set(id, transport),
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  await buildServer().connect(transport);
  return transport.handleRequest(c, body);
});
serve({ fetch: app.fetch, port, hostname });
