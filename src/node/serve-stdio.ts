/** Serves an MCP server over stdio on Node.js, in both protocol eras. */
import { serveStdio, type StdioServerHandle } from '@modelcontextprotocol/server/stdio';
import { LOCAL_USER } from '../auth/caller.ts';
import { ConfigError, loadConfig } from '../config/config.ts';
import type { CreateServer } from '../context/context.ts';
import { createNotifier, type Notifier } from '../context/notifier.ts';
import { createServerBuilder } from '../endpoint/create-server.ts';
import { systemClock } from '../lib/clock.ts';
import { createMemoryStateStore } from '../memory/memory-state-store.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { StdioTransport } from './stdio-transport.ts';

/** Options for {@link serveOverStdio}. */
export interface ServeOverStdioOptions {
  /** The settings. @default process.env */
  env?: NodeJS.ProcessEnv;
  /** Tells the client what has changed; pass one to use it outside of calls. @default a new one, which calls get in their context */
  notify?: Notifier;
}

/**
 * Serves `createServer` on stdin and stdout until stdin ends, or until SIGINT or SIGTERM. Errors go to stderr. Of the
 * settings, only `MCP_SHORTCUTS` applies; if it is wrong, the process ends with code 1.
 */
export function serveOverStdio(createServer: CreateServer, options: ServeOverStdioOptions = {}): void {
  const { env = process.env, notify = createNotifier() } = options;
  try {
    applySchemaShortcuts(loadConfig({ MCP_SHORTCUTS: env['MCP_SHORTCUTS'] }).shortcuts);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(error);
    process.exit(1);
  }
  const transport = new StdioTransport({ stdin: process.stdin, stdout: process.stdout, clock: systemClock });
  const connection = connectStdio(createServer, { transport, notify, onerror: report });
  // The process ends by itself when stdin does, but not on a signal.
  process.once('SIGINT', () => void connection.close());
  process.once('SIGTERM', () => void connection.close());
}

/** Options for {@link connectStdio}. */
export interface ConnectStdioOptions {
  transport: StdioTransport;
  notify: Notifier;
  onerror: (error: Error) => void;
}

/** Serves `createServer` on a transport until one side closes it. */
export function connectStdio(
  createServer: CreateServer,
  { transport, notify, onerror }: ConnectStdioOptions,
): StdioServerHandle {
  const buildServer = createServerBuilder(createServer, { notify, stateStore: createMemoryStateStore() });
  const id = crypto.randomUUID();
  return serveStdio(
    ({ era }) => buildServer({ era, caller: LOCAL_USER, sessionId: era === 'legacy' ? id : undefined }),
    { transport, onerror },
  );
}

function report({ message }: Error): void {
  process.stderr.write(`${message}\n`);
}
