/** The tools on a server of the SDK's v2, for every contender that is built on it. */
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { extraTools } from './extra-tools.mjs';
import { slugify, slugifyBatch } from './tools.mjs';

const simple = [slugify, ...extraTools].map(toRegistered);
const batch = toRegistered(slugifyBatch);

function toRegistered({ name, title, description, shape, outputShape, call }) {
  const outputSchema = outputShape && z.object(outputShape);
  const config = { title, description, inputSchema: z.object(shape), ...(outputSchema && { outputSchema }) };
  return { name, config, call };
}

/** Registers the tools. */
export function registerTools(server) {
  for (const { name, config, call } of simple) server.registerTool(name, config, (args) => call(args));
  server.registerTool(batch.name, batch.config, (args, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    return batch.call(args, async (progress, total) => {
      if (progressToken === undefined) return;
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total } });
    });
  });
}

/** Builds a server. */
export function buildServer() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  registerTools(server);
  return server;
}
