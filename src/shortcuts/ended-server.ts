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
  /** @param onunheard - Called with the method of a message that is sent late, and dropped. */
  constructor(onunheard: (method: string) => void) {
    const capabilities = { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} };
    super({ name: 'ended', version: '0' }, { capabilities });
    // Messages that are sent late are dropped, since the client has its answer.
    void super.connect({
      async start() {},
      async send(message) {
        if (!('method' in message)) return;
        // A request must fail, since its sender waits for the answer.
        if ('id' in message) throw new Error(`${message.method} cannot be sent: the call has ended`);
        onunheard(message.method);
      },
      async close() {},
    });
  }

  override get transport(): undefined {
    return undefined;
  }

  override connect(): Promise<void> {
    return Promise.reject(
      new Error('createMcpServer returned a server that it had returned before: it must build a new one'),
    );
  }

  override setRequestHandler(): void {}
}

/**
 * Makes the function that ends a server that has answered its only request with JSON. A server with an `onclose` handler
 * is closed as usual.
 *
 * @param onunheard - Called with the method of a notification that is sent after that, which nobody hears.
 */
export function createServerEnder(onunheard: (method: string) => void): (server: McpServer | Server) => Promise<void> {
  let ended: EndedServer | undefined;
  return async (server) => {
    if (server instanceof McpServer && !server.server.onclose) {
      ended ??= new EndedServer(onunheard);
      // Does nothing to a frozen server, which then merely lives longer.
      Reflect.set(server, 'server', ended);
    }
    await server.close();
  };
}
