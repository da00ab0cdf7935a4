/**
 * What becomes of a server that has served its request, or its session.
 *
 * It has to be garbage at once: V8 keeps the SDK's record of a tool (`RegisteredTool`, for its accessors) where only a
 * full collection looks, and with it the `McpServer`, and all that this holds. So that is parted from the server below it.
 */
import { McpServer, Server } from '@modelcontextprotocol/server';

/** What ended `McpServer`s have in place of their servers. It is not connected, and cannot be; it keeps nothing. */
class EndedServer extends Server {
  constructor() {
    const capabilities = { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} };
    super({ name: 'ended', version: '0' }, { capabilities });
  }

  /** Has what is sent late go nowhere, as it would to a client that has its answer. */
  silenced(): this {
    void super.connect({
      async start() {},
      async send(message) {
        // Who waits for an answer has to know.
        if ('method' in message && 'id' in message) throw new Error(`Nobody is left to answer ${message.method}`);
      },
      async close() {},
    });
    return this;
  }

  override get transport(): undefined {
    return undefined;
  }

  override connect(): Promise<void> {
    return Promise.reject(new Error('The server was used before: createServer has to build a new one'));
  }

  override setRequestHandler(): void {}
}

/** Rejects what is sent, as a server that is closed does: whoever goes on telling the client of a session has to stop. */
const closed = new EndedServer();
const answered = new EndedServer().silenced();

/** Closes the server of a session. */
export async function closeServer(server: McpServer | Server): Promise<void> {
  await server.close();
  part(server, closed);
}

/**
 * Ends the server of a request that it has answered with JSON. Nothing waits for it, so it is not closed as others are,
 * which would make an error, with its stack, for whoever waits; unless it wants to know its end (`onclose`).
 */
export async function endAnswered(server: McpServer | Server): Promise<void> {
  if (server instanceof McpServer && !server.server.onclose) part(server, answered);
  await server.close();
}

/** Does nothing to one of the low level, which has no record of tools, and to one that is frozen. */
function part(server: McpServer | Server, ended: EndedServer): void {
  if (server instanceof McpServer) Reflect.set(server, 'server', ended);
}
