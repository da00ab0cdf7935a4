/** Entry: the tools over Streamable HTTP at `/mcp`. Settings come from the environment; `--help` lists them. */
// First: it compiles the schemas that are made after it.
import 'zod/compile';
import * as toolFile from './mcp-server.ts';
import { serve } from './node/serve.ts';
import type { ToolFile } from './tools.ts';

const { createMcpServer, notify, onSessionEnd }: ToolFile = toolFile;
await serve(createMcpServer, { notify, onSessionEnd, args: process.argv.slice(2) });
