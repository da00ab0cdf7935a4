/** fastmcp over HTTP, with sessions; `JSON_ANSWERS=1` has it answer in JSON instead of streams. */
import { FastMCP } from 'fastmcp';
import * as z from 'zod';
import { extraTools } from './extra-tools.mjs';
import { hostname, port, slugify, slugifyBatch } from './tools.mjs';

const silent = Object.fromEntries(['debug', 'error', 'info', 'log', 'warn'].map((level) => [level, () => {}]));
const server = new FastMCP({ name: 'bench', version: '1.0.0', logger: silent });
const configOf = ({ name, description, shape, outputShape }) => ({
  name,
  description,
  parameters: z.object(shape),
  outputSchema: z.object(outputShape),
});
for (const tool of [slugify, ...extraTools]) {
  server.addTool({ ...configOf(tool), execute: async (args) => tool.call(args) });
}
server.addTool({
  ...configOf(slugifyBatch),
  execute: (args, { reportProgress }) =>
    slugifyBatch.call(args, (progress, total) => reportProgress({ progress, total })),
});
await server.start({
  transportType: 'httpStream',
  httpStream: { host: hostname, port, enableJsonResponse: process.env['JSON_ANSWERS'] === '1' },
});
