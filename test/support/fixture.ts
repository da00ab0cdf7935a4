import { McpServer, type McpServerFactory, type ServerContext } from '@modelcontextprotocol/server';
import * as z from 'zod';

/** A tool of a test, whose result is sent as JSON text. */
export type Tool = (call: { args: Record<string, unknown>; context: ServerContext; server: McpServer }) => unknown;

/** Servers made for a test. */
export interface Fixture {
  createServer: McpServerFactory;
  /** How many servers were built. */
  readonly created: number;
  /** How many of them are connected. */
  readonly open: number;
}

/**
 * Servers with logging, resource subscriptions and the given tools.
 *
 * @param prepare - Prepares each server before it is used.
 */
export function fixture(tools: Record<string, Tool> = {}, prepare: (server: McpServer) => void = () => {}): Fixture {
  let created = 0;
  // Without an `onclose` handler, because servers with one end in another way.
  const servers: WeakRef<McpServer>[] = [];
  return {
    createServer: () => {
      created += 1;
      const server = build(tools);
      servers.push(new WeakRef(server));
      prepare(server);
      return server;
    },
    get created() {
      return created;
    },
    get open() {
      return servers.filter((server) => server.deref()?.isConnected()).length;
    },
  };
}

const subscribed = new WeakMap<McpServer, Set<string>>();

/** Tells the client, on its GET stream, that all it subscribed to has changed. */
export async function touchSubscribed(server: McpServer): Promise<void> {
  for (const uri of subscribed.get(server) ?? []) await server.server.sendResourceUpdated({ uri });
}

function build(tools: Record<string, Tool>): McpServer {
  const server = new McpServer(
    { name: 'fixture', version: '1.0.0' },
    {
      capabilities: { logging: {}, resources: { subscribe: true } },
    },
  );
  const uris = new Set<string>();
  subscribed.set(server, uris);
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    if (params.uri.startsWith('refused:')) throw new Error('No such resource');
    uris.add(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    uris.delete(params.uri);
    return {};
  });
  for (const [name, tool] of Object.entries(tools)) {
    server.registerTool(name, { inputSchema: z.looseObject({}) }, async (args, context) => ({
      content: [{ type: 'text', text: JSON.stringify((await tool({ args, context, server })) ?? null) }],
    }));
  }
  return server;
}
