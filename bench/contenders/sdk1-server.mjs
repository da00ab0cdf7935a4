/** The tools on a server of the SDK's v1, for every contender that is built on it. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { extraTools } from './extra-tools.mjs';
import { slugify, slugifyBatch } from './tools.mjs';

const simple = [slugify, ...extraTools];

const configOf = ({ title, description, shape, outputShape }) => ({
  title,
  description,
  inputSchema: shape,
  ...(outputShape && { outputSchema: outputShape }),
});

/** Builds a server. */
export function buildServer() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  for (const tool of simple) server.registerTool(tool.name, configOf(tool), (args) => tool.call(args));
  server.registerTool(slugifyBatch.name, configOf(slugifyBatch), (args, { _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken;
    return slugifyBatch.call(args, async (progress, total) => {
      if (progressToken === undefined) return;
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total } });
    });
  });
  return server;
}
