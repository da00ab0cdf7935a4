/** Entry: the tools over Streamable HTTP at `/mcp`. Settings come from the environment; `--help` lists them. */
import { keepCompiled } from './startup/compile-cache.ts';
import type { ToolFile } from './tools.ts';

keepCompiled(`${import.meta.dirname}/..`);
// Before the rest: it compiles the schemas that are made after it.
await import('zod/compile');
const { createMcpServer, notify, onSessionEnd }: ToolFile = await import('./mcp-server.ts');
const { serve } = await import('./node/serve.ts');
await serve(createMcpServer, { notify, onSessionEnd, args: process.argv.slice(2) });
