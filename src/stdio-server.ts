#!/usr/bin/env -S node --import ./loader.mjs
/** Entry: the tools over stdio. Nothing but protocol may go to stdout. */
// First: it compiles the schemas that are made after it.
import 'zod/compile';
import * as toolFile from './mcp-server.ts';
import { serveOverStdio } from './stdio/serve-stdio.ts';
import type { ToolFile } from './tools.ts';

const { createMcpServer, notify, onSessionEnd }: ToolFile = toolFile;
serveOverStdio(createMcpServer, { notify, onSessionEnd });
