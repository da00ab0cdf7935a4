/** The SDK's v2 on Express: both eras on one route, as its example `legacy-routing` has them. */
import { randomUUID } from 'node:crypto';
import { createMcpExpressApp } from '@modelcontextprotocol/express';
import { NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { createMcpHandler, isInitializeRequest, isLegacyRequest } from '@modelcontextprotocol/server';
import { buildServer } from './sdk2-server.mjs';
import { hostname, port } from './tools.mjs';

const transports = new Map();
const modern = toNodeHandler(createMcpHandler(buildServer, { legacy: 'reject' }));

const legacy = async (request, response) => {
  const sessionId = request.headers['mcp-session-id'];
  const known = transports.get(sessionId);
  if (known) return known.handleRequest(request, response, request.body);
  if (sessionId || !isInitializeRequest(request.body)) return void response.sendStatus(sessionId ? 404 : 400);
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void transports.set(id, transport),
  });
  transport.onclose = () => transports.delete(transport.sessionId);
  await buildServer().connect(transport);
  return transport.handleRequest(request, response, request.body);
};

const app = createMcpExpressApp({ jsonLimit: '4mb' });
app.post('/mcp', async (request, response) => {
  const isLegacy = await isLegacyRequest(await toWebRequest(request, request.body));
  await (isLegacy ? legacy(request, response) : modern(request, response, request.body));
});
app.get('/mcp', (request, response) => void legacy(request, response));
app.delete('/mcp', (request, response) => void legacy(request, response));
app.listen(port, hostname);
