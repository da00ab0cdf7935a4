/**
 * The server that the conformance suite asks questions of.
 *
 * The suite fixes the names of tools, prompts and resources and how each behaves. It takes the place of
 * `src/mcp-server.ts` and knows as little of hosting: a new server on every call, and nothing of one client
 * kept where another could read it, or where it would be missed when a session's server is rebuilt.
 */
import { McpServer } from '@modelcontextprotocol/server';
import type { CreateServer } from '../../src/tools.ts';
import { registerAskingTools } from './input-required.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerTools } from './tools.ts';

/** Builds the server. */
export const createConformanceServer: CreateServer = ({ notify, requestState }) => {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    {
      capabilities: {
        logging: {},
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
      },
      requestState,
    },
  );
  registerTools(server, notify);
  registerAskingTools(server, requestState);
  registerPrompts(server);
  registerResources(server);
  return server;
};
