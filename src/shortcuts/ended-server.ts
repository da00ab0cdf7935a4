/**
 * Shortcut: ends a server that has answered its only request with JSON.
 *
 * Closing would build an error, with its stack, for requests that might be pending; there are none. And most of the
 * server becomes garbage right away. Otherwise V8 keeps the functions that the SDK assigns to its transport, and the
 * accessors of its `RegisteredTool` objects, until its next full collection (CONTRIBUTING.md, "How it is written"), and
 * with them the server, its transport and the request. So the `McpServer` is detached from its low-level server, and that
 * from its handlers and its transport.
 */
import { McpServer, Server, type Transport } from '@modelcontextprotocol/server';

/** The transport of ended servers: messages that are sent late are dropped, since the client has its answer. */
function nowhere(onunheard: (method: string) => void): Transport {
  return {
    async start() {},
    async send(message) {
      if (!('method' in message)) return;
      // A request must fail, since its sender waits for the answer.
      if ('id' in message) throw new Error(`${message.method} cannot be sent: the call has ended`);
      onunheard(message.method);
    },
    async close() {},
  };
}

/** Replaces the low-level server of an ended `McpServer`. It cannot be connected, and keeps nothing. */
class EndedServer extends Server {
  /** @param onunheard - Called with the method of a message that is sent late, and dropped. */
  constructor(onunheard: (method: string) => void) {
    const capabilities = { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} };
    super({ name: 'ended', version: '0' }, { capabilities });
    void super.connect(nowhere(onunheard));
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
  const transport = nowhere(onunheard);
  return async (server) => {
    if (server instanceof McpServer && !server.server.onclose) {
      const protocol = server.server;
      ended ??= new EndedServer(onunheard);
      // Does nothing to a frozen server, which then merely lives longer.
      Reflect.set(server, 'server', ended);
      Reflect.set(protocol, '_transport', transport);
      Reflect.set(protocol, '_requestHandlers', new Map());
    }
    await server.close();
  };
}
