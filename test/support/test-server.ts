/**
 * The server that the host's tests serve, so that they still pass when the example is replaced.
 *
 * Two plain tools: `echo`, and `count`, which needs a scope, reports progress, and can be held at a gate.
 */
import { McpServer, requireScopes } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, canHaveScope, nextTurn, type McpContext } from '../../src/tools.ts';

/** What a token needs to call `count`. */
export const COUNT_SCOPE = 'test:count';

/** How a test holds a call of `count`. */
export interface TestServerOptions {
  /**
   * Called after each step of `count`, which goes on when the promise resolves.
   * @default one turn of the event loop
   */
  pause?: () => Promise<void>;
}

const echo = {
  description: 'Answers with the text, and with the suffix behind it.',
  inputSchema: cachedSchema(z.object({ text: z.string().max(10_000), suffix: z.string().default('') })),
  outputSchema: cachedSchema(z.object({ echo: z.string() })),
};
const count = {
  description: 'Counts from one to a number, and reports each step as progress.',
  inputSchema: cachedSchema(
    z.object({ to: z.int().min(1).max(1000), chars: z.int().min(0).max(1_000_000).default(0) }),
  ),
  outputSchema: cachedSchema(z.object({ counted: z.int() })),
  scopeChallenge: requireScopes(COUNT_SCOPE),
};

/** Builds the server; like a server with many tools, it registers only the one that is called, if that is known. */
export function createTestServer(
  { authInfo, calledTool }: Pick<McpContext, 'authInfo' | 'calledTool'> = {},
  { pause = nextTurn }: TestServerOptions = {},
): McpServer {
  const server = new McpServer(
    { name: 'test-server', version: '1.0.0' },
    {
      capabilities: { tools: { listChanged: false } },
    },
  );
  const isWanted = (name: string) => calledTool === undefined || calledTool === name;

  if (isWanted('echo')) {
    server.registerTool('echo', echo, ({ text, suffix }) => ({
      content: [{ type: 'text', text: text + suffix }],
      structuredContent: { echo: text + suffix },
    }));
  }
  if (isWanted('count') && canHaveScope(authInfo, COUNT_SCOPE)) {
    server.registerTool('count', count, async ({ to, chars }, { mcpReq }) => {
      const message = chars === 0 ? {} : { message: 'x'.repeat(chars) };
      const progressToken = mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= to; progress += 1) {
        if (progressToken !== undefined) {
          const params = { progressToken, progress, total: to, ...message };
          await mcpReq.notify({ method: 'notifications/progress', params });
        }
        await pause();
        mcpReq.signal.throwIfAborted();
      }
      return { content: [{ type: 'text', text: `counted to ${to}` }], structuredContent: { counted: to } };
    });
  }
  return server;
}
