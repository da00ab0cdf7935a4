/** Entry: the tools over Streamable HTTP at `/mcp`. Settings come from the environment; `--help` lists them. */
// First: it compiles the schemas that are made after it.
import 'zod/compile';
import { createMcpServer } from './mcp-server.ts';
import { runServer } from './node/serve.ts';

await runServer(createMcpServer, process.argv.slice(2));
