/**
 * Shortcut: ends a server that has answered its only request with JSON.
 *
 * Closing would build an error, with its stack, for requests that might be pending; there are none. And the server
 * becomes garbage right away. Otherwise V8 keeps the SDK's `RegisteredTool` objects until its next full collection,
 * because of their accessors, and with them the `McpServer` and everything it refers to. So the `McpServer` is detached
 * from its low-level server.
 */
import { McpServer, Server } from '@modelcontextprotocol/server';

/** Replaces the low-level server of an ended `McpServer`. It cannot be connected, and keeps nothing. */
class EndedServer extends Server {
  constructor() {
    const capabilities = { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} };
    super({ name: 'ended', version: '0' }, { capabilities });
    // Messages that are sent late are dropped, since the client has its answer.
    void super.connect({
      async start() {},
      async send(message) {
        // A request must fail, since its sender waits for the answer.
        if ('method' in message && 'id' in message)
          throw new Error(`${message.method} cannot be sent: the call has ended`);
      },
      async close() {},
    });
  }

  override get transport(): undefined {
    return undefined;
  }

  override connect(): Promise<void> {
    return Promise.reject(new Error('The server is already in use: createServer must build a new one'));
  }

  override setRequestHandler(): void {}
}

/** Made when the first server ends, so that importing this module does nothing. */
let ended: EndedServer | undefined;

/** Ends a server that has answered its only request with JSON. A server with an `onclose` handler is closed as usual. */
export async function endAnswered(server: McpServer | Server): Promise<void> {
  if (server instanceof McpServer && !server.server.onclose) {
    ended ??= new EndedServer();
    // Does nothing to a frozen server, which then merely lives longer.
    Reflect.set(server, 'server', ended);
  }
  await server.close();
}
