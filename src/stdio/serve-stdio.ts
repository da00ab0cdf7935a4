/** Serves an MCP server over stdio on Node.js, in both protocol eras. */
import { serveStdio, type StdioServerHandle } from '@modelcontextprotocol/server/stdio';
import { LOCAL_USER } from '../auth/caller.ts';
import { ConfigError, loadConfig } from '../config/config.ts';
import type { CreateServer } from '../context/context.ts';
import { createNotifier, type Notifier } from '../context/notifier.ts';
import { createServerBuilder } from '../endpoint/create-server.ts';
import { systemClock } from '../lib/clock.ts';
import { createMemoryStateStore } from '../memory/memory-state-store.ts';
import { protocolOf } from '../transport/single-exchange.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { createStdioClient } from './stdio-client.ts';
import { StdioTransport, type StdioTransportOptions } from './stdio-transport.ts';

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
  const { stdin, stdout } = process;
  const connection = connectStdio(createServer, { stdin, stdout, clock: systemClock, notify, onerror: report });
  // The process ends by itself when stdin does, but not on a signal.
  process.once('SIGINT', () => void connection.close());
  process.once('SIGTERM', () => void connection.close());
}

/** Options for {@link connectStdio}. */
export interface ConnectStdioOptions extends Omit<StdioTransportOptions, 'onresult'> {
  notify: Notifier;
  onerror: (error: Error) => void;
}

/** Serves `createServer` on a pair of streams until one side closes it. */
export function connectStdio(createServer: CreateServer, options: ConnectStdioOptions): StdioServerHandle {
  const { notify, onerror } = options;
  const buildServer = createServerBuilder(createServer, { notify, stateStore: createMemoryStateStore() });
  const client = createStdioClient(onerror);
  const detach = notify.attach(client);
  const id = crypto.randomUUID();
  const transport = new StdioTransport({ ...options, onresult: (request) => client.onresult(request) });
  const connection = serveStdio(
    async ({ era }) => {
      const sessionId = era === 'legacy' ? id : undefined;
      const server = await buildServer({ era, caller: LOCAL_USER, sessionId });
      client.use(protocolOf(server), era, sessionId);
      return server;
    },
    { transport, onerror },
  );
  return {
    async close() {
      detach();
      await connection.close();
    },
  };
}

function report({ message }: Error): void {
  process.stderr.write(`${message}\n`);
}
