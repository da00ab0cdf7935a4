/**
 * How servers end, of one request or of a session.
 *
 * To close one makes an error, with its stack, for whoever waits. Mostly nobody does, and then it only has to be
 * garbage at once: V8 keeps the SDK's record of a tool (`RegisteredTool`, for its accessors) where only a full
 * collection looks, and with it the `McpServer`, and all that this holds.
 */
import { McpServer, Server } from '@modelcontextprotocol/server';
import type { SessionTransport } from './sessions/session-transport.ts';

/**
 * What ended `McpServer`s have in place of their servers. It is not connected, and cannot be; what is sent late goes
 * nowhere, as it would to a client that has its answer.
 */
class EndedServer extends Server {
  constructor() {
    const capabilities = { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} };
    super({ name: 'ended', version: '0' }, { capabilities });
    void super.connect({
      async start() {},
      async send(message) {
        // Who waits for an answer has to know.
        if ('method' in message && 'id' in message) throw new Error(`Nobody is left to answer ${message.method}`);
      },
      async close() {},
    });
  }

  override get transport(): undefined {
    return undefined;
  }

  override connect(): Promise<void> {
    return Promise.reject(new Error('The server was used before: createServer has to build a new one'));
  }
}

const ended = new EndedServer();

/**
 * Ends a server and its transport. An `McpServer` is parted from the rest of it, unless somebody waits: a call, an open
 * stream, a request of its own, or whoever set its `onclose`.
 */
export async function endServer(server: McpServer | Server, transport: SessionTransport): Promise<void> {
  if (server instanceof McpServer && !transport.isAwaited && !server.server.onclose) {
    transport.onclose = undefined;
    await transport.close();
    Object.assign(server, { server: ended });
  }
  await server.close();
}
