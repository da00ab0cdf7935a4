#!/usr/bin/env -S node --import ./loader.mjs
/** Entry: the tools over stdio. Nothing but protocol may go to stdout. */
import { keepCompiled } from './startup/compile-cache.ts';
import { printToStderr } from './stdio/print-to-stderr.ts';
import type { ToolFile } from './tools.ts';

keepCompiled(`${import.meta.dirname}/..`);
printToStderr();
// Before the rest: it compiles the schemas that are made after it.
await import('zod/compile');
const { createMcpServer, notify, onSessionEnd }: ToolFile = await import('./mcp-server.ts');
const { serveOverStdio } = await import('./stdio/serve-stdio.ts');
serveOverStdio(createMcpServer, { notify, onSessionEnd });
