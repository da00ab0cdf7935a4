/** Entry: the tools over Streamable HTTP at `/mcp`. Settings come from the environment; `--help` lists them. */
import { keepCompiled } from './startup/compile-cache.ts';
import type { ToolFile } from './tools.ts';

const args = process.argv.slice(2);
const usage = `Options:

  --watch     restart when a source file changes, for development
  --help, -h  print this text

`;

keepCompiled(`${import.meta.dirname}/..`);
if (args.includes('--watch')) {
  const { restartOnChange } = await import('./startup/watch.ts');
  restartOnChange({ folder: import.meta.dirname, args: args.filter((arg) => arg !== '--watch') });
} else {
  // First, since settings are parsed once: to compile their schemas would take longer than that.
  await import('./config/config.ts');
  // Before the rest: it compiles the schemas that are made after it, including the SDK's.
  await import('zod/compile');
  const { createMcpServer, notify, onSessionEnd }: ToolFile = await import('./mcp-server.ts');
  const { serve } = await import('./node/serve.ts');
  await serve(createMcpServer, { notify, onSessionEnd, args, usage });
}
