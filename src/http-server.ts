/** Entry: the tools over Streamable HTTP at `/mcp`. Settings come from the environment; `--help` lists them. */
// First: it compiles the schemas that are made after it.
import 'zod/compile';
import { createMcpServer } from './mcp-server.ts';
import { serve } from './node/serve.ts';

await serve(createMcpServer, { args: process.argv.slice(2) });
