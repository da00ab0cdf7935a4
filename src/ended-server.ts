/**
 * What becomes of a server that was built for one request and has answered it.
 *
 * Nothing waits for it any more, so it is not closed, which would make an error, with its stack, for whoever waits. But
 * it has to be garbage at once: V8 keeps the SDK's record of a tool (`RegisteredTool`, for its accessors) where
 * only a full collection looks, and with it the `McpServer`, and all that this holds.
 */
import { McpServer, Server } from '@modelcontextprotocol/server';

/** Connected, so that nobody can connect it again, to nobody: what is sent late goes nowhere. */
const ended = new Server(
  { name: 'ended', version: '0' },
  { capabilities: { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} } },
);
void ended.connect({
  async start() {},
  async send(message) {
    // Who waits for an answer has to know.
    if ('method' in message && 'id' in message)
      throw new Error(`${message.method} has nobody to go to: its call is over`);
  },
  async close() {},
});

/** Parts an `McpServer` from what it holds. One that wants to know its end (`onclose`) is closed, and so is one of the low level. */
export async function endAnswered(server: McpServer | Server): Promise<void> {
  if (server instanceof McpServer && !server.server.onclose) Object.assign(server, { server: ended });
  await server.close();
}
