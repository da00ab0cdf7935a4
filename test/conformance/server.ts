/**
 * The server that the conformance suite asks questions of.
 *
 * The suite fixes the names of tools, prompts and resources and how each behaves. It takes the place of
 * `src/mcp-server.ts` and knows as little of hosting: a new server on every call, and nothing of one client
 * kept where another could read it, or where it would be missed when a session's server is rebuilt.
 */
import { createRequestStateCodec, McpServer } from '@modelcontextprotocol/server';
import type { CreateServer } from '../../src/tools.ts';
import { registerAskingTools, type RoundState } from './input-required.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerTools } from './tools.ts';

/** Makes the factory for one host. What clients carry from round to round is signed with a key of its own. */
export function createConformanceFactory(): CreateServer {
  const states = createRequestStateCodec<RoundState>({ key: crypto.getRandomValues(new Uint8Array(32)) });
  return ({ notify }) => {
    const server = new McpServer(
      { name: 'conformance-fixture', version: '1.0.0' },
      {
        capabilities: {
          logging: {},
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
        },
        requestState: { verify: (state, context) => states.verify(state, context) },
      },
    );
    registerTools(server, notify);
    registerAskingTools(server, states);
    registerPrompts(server);
    registerResources(server);
    return server;
  };
}
