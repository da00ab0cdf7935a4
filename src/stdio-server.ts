#!/usr/bin/env -S node --import ./loader.mjs
/** Entry: the tools over stdio, in both protocol eras. Nothing but protocol may go to stdout. */
// First: it compiles the schemas that are made after it.
import 'zod/compile';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createMcpServer } from './mcp-server.ts';
import { applySchemaShortcuts } from './shortcuts/schemas.ts';

applySchemaShortcuts(true);

const connection = serveStdio(createMcpServer, {
  onerror: (error) => process.stderr.write(`${error.message}\n`),
});

// The end of stdin ends the process by itself; a signal has to be told to.
process.once('SIGINT', () => void connection.close());
process.once('SIGTERM', () => void connection.close());
