/** mcp-use, which serves both eras without sessions. Its request log and its telemetry are off. */
import { MCPServer } from 'mcp-use';
import * as z from 'zod';
import { extraTools } from './extra-tools.mjs';
import { hostname, port, slugify, slugifyBatch } from './tools.mjs';

const server = new MCPServer({ name: 'bench', version: '1.0.0', logging: { enabled: false } });
const configOf = ({ name, title, description, shape, outputShape }) => ({
  name,
  title,
  description,
  inputSchema: z.object(shape),
  outputSchema: z.object(outputShape),
});
for (const tool of [slugify, ...extraTools]) server.tool(configOf(tool), async (args) => tool.call(args));
server.tool(configOf(slugifyBatch), (args, context) =>
  slugifyBatch.call(args, (progress, total) => context.reportProgress(progress, total)),
);
await server.listen(port, { host: hostname });
