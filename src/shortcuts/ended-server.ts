/**
 * Shortcut: how a server ends that has answered its one request with JSON.
 *
 * Nobody waits for it, so it need not build an error, with its stack, for whoever might, as closing does. And it becomes
 * garbage at once: V8 keeps the SDK's record of a tool (`RegisteredTool`, for its accessors) where only a full
 * collection looks, and with it the `McpServer`, and all that this holds. So the `McpServer` is detached from the server
 * below it.
 */
import { McpServer, Server } from '@modelcontextprotocol/server';

/** What an ended `McpServer` has in place of its server. It is not connected, and cannot be; it keeps nothing. */
class EndedServer extends Server {
  constructor() {
    const capabilities = { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} };
    super({ name: 'ended', version: '0' }, { capabilities });
    // What is sent late goes nowhere, as it would to a client that has its answer.
    void super.connect({
      async start() {},
      async send(message) {
        // Whoever waits for an answer has to know.
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

  override setRequestHandler(): void {}
}

/** Made when the first server ends, since importing this changes nothing. */
let ended: EndedServer | undefined;

/** Ends the server of a request that it has answered with JSON. One that wants to know its end (`onclose`) is closed as usual. */
export async function endAnswered(server: McpServer | Server): Promise<void> {
  if (server instanceof McpServer && !server.server.onclose) {
    ended ??= new EndedServer();
    // Fails silently on a frozen server, which then only lives longer.
    Reflect.set(server, 'server', ended);
  }
  await server.close();
}
