/**
 * What becomes of a server that was built for one request and has answered it with JSON.
 *
 * Nothing waits for it any more, so it is not closed as others are, which would make an error, with its stack, for
 * whoever waits. But it has to be garbage at once: V8 keeps the SDK's record of a tool (`RegisteredTool`, for its
 * accessors) where only a full collection looks, and with it the `McpServer`, and all that this holds.
 */
import { McpServer, Server } from '@modelcontextprotocol/server';

/**
 * What all ended `McpServer`s have in place of their servers. It is not connected, and cannot be; what is sent late goes
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

/** Parts an `McpServer` from the rest of it. One that wants to know its end (`onclose`) is closed, as is one of the low level. */
export async function endAnswered(server: McpServer | Server): Promise<void> {
  if (server instanceof McpServer && !server.server.onclose) Object.assign(server, { server: ended });
  await server.close();
}
