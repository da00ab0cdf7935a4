/** Serves an MCP server over stdio on Node.js, in both protocol eras. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { ConfigError, loadConfig } from '../config/config.ts';
import { requireServer } from '../endpoint/create-server.ts';
import { systemClock } from '../lib/clock.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import type { CreateServer } from '../tools.ts';
import { StdioTransport } from './stdio-transport.ts';

/**
 * Serves `createServer` on stdin and stdout until stdin ends, or until SIGINT or SIGTERM. Errors go to stderr. Of the
 * settings, only `MCP_SHORTCUTS` applies; if it is wrong, the process ends with code 1.
 */
export function serveOverStdio(
  createServer: CreateServer,
  { env = process.env }: { env?: NodeJS.ProcessEnv } = {},
): void {
  try {
    applySchemaShortcuts(loadConfig({ MCP_SHORTCUTS: env['MCP_SHORTCUTS'] }).shortcuts);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(error);
    process.exit(1);
  }
  const transport = new StdioTransport({ stdin: process.stdin, stdout: process.stdout, clock: systemClock });
  const connection = serveStdio(requireServer(createServer), { transport, onerror: report });
  // The process ends by itself when stdin does, but not on a signal.
  process.once('SIGINT', () => void connection.close());
  process.once('SIGTERM', () => void connection.close());
}

function report({ message }: Error): void {
  process.stderr.write(`${message}\n`);
}
