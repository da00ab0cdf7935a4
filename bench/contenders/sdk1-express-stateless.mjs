/** The SDK's v1 on Express without sessions: a server and a transport for each request, as its example of that does it. */
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { buildServer } from './sdk1-server.mjs';
import { hostname, port } from './tools.mjs';

const app = express();
app.use(express.json({ limit: '4mb' }));
app.post('/mcp', async (request, response) => {
  const server = buildServer();
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => {
    void transport.close();
    void server.close();
  });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.listen(port, hostname);
