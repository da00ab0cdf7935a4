/** The SDK's v1 on Express with a server and a transport for each session, as its documentation and tutorials teach. */
import { randomUUID } from 'node:crypto';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { buildServer } from './sdk1-server.mjs';
import { hostname, port } from './tools.mjs';

const transports = {};

const app = express();
app.use(express.json({ limit: '4mb' }));
app.post('/mcp', async (request, response) => {
  const sessionId = request.headers['mcp-session-id'];
  let transport = transports[sessionId];
  if (!transport && !sessionId && isInitializeRequest(request.body)) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        transports[id] = transport;
      },
    });
    transport.onclose = () => delete transports[transport.sessionId];
    await buildServer().connect(transport);
  }
  if (transport) await transport.handleRequest(request, response, request.body);
  else response.status(400).send('No valid session ID');
});
const inSession = async (request, response) => {
  const transport = transports[request.headers['mcp-session-id']];
  if (transport) await transport.handleRequest(request, response);
  else response.status(400).send('No valid session ID');
};
app.get('/mcp', inSession);
app.delete('/mcp', inSession);
app.listen(port, hostname);
