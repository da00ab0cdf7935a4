/**
 * The SDK's v2 on Hono, with the body that `createMcpHonoApp` has parsed handed on, which its guide recommends.
 *
 * `SERVE=modern` is the guide's handler alone. `SERVE=session` has a transport for each session, routed as in the
 * example `legacy-routing`; `JSON_ANSWERS=1` has it answer in JSON instead of streams.
 */
import { randomUUID } from 'node:crypto';
import { serve } from '@hono/node-server';
import { createMcpHonoApp } from '@modelcontextprotocol/hono';
import {
  createMcpHandler,
  isInitializeRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { buildServer } from './sdk2-server.mjs';
import { hostname, port } from './tools.mjs';

const transports = new Map();
const handler = createMcpHandler(buildServer);
const enableJsonResponse = process.env['JSON_ANSWERS'] === '1';

const inSession = async (c) => {
  const request = c.req.raw;
  const parsedBody = c.get('parsedBody');
  const sessionId = c.req.header('mcp-session-id');
  const known = transports.get(sessionId);
  if (known) return known.handleRequest(request, { parsedBody });
  if (sessionId || !isInitializeRequest(parsedBody)) return c.body(null, sessionId ? 404 : 400);
  const transport = new WebStandardStreamableHTTPServerTransport({
    enableJsonResponse,
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void transports.set(id, transport),
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  await buildServer().connect(transport);
  return transport.handleRequest(request, { parsedBody });
};
const modern = (c) => handler.fetch(c.req.raw, { parsedBody: c.get('parsedBody') });

const app = createMcpHonoApp();
app.all('/mcp', process.env['SERVE'] === 'modern' ? modern : inSession);
serve({ fetch: app.fetch, port, hostname });
