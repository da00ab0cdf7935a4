/** Serves an MCP server over stdio on Node.js, in both protocol eras. */
import { serveStdio, type StdioServerHandle } from '@modelcontextprotocol/server/stdio';
import { LOCAL_USER } from '../auth/caller.ts';
import { ConfigError, loadConfig, type Config } from '../config/config.ts';
import type { CreateServer, OnSessionEnd } from '../context/context.ts';
import { createNotifier, type Notifier } from '../context/notifier.ts';
import { createRequestStates, type FindRequest } from '../context/request-state.ts';
import type { StateStore } from '../contracts/state-store.ts';
import { sessionScope } from '../context/state.ts';
import { createServerBuilder } from '../endpoint/create-server.ts';
import { systemClock } from '../lib/clock.ts';
import { createMemoryStateStore } from '../memory/memory-state-store.ts';
import { protocolOf } from '../transport/single-exchange.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { printToStderr } from './print-to-stderr.ts';
import { createStdioClient } from './stdio-client.ts';
import { StdioTransport, type StdioTransportOptions } from './stdio-transport.ts';

/** Options for {@link serveOverStdio}. */
export interface ServeOverStdioOptions {
  /** The settings. @default process.env */
  env?: NodeJS.ProcessEnv;
  /** Tells the client what has changed; pass one to use it outside of calls. @default a new one, which calls get in their context */
  notify?: Notifier | undefined;
  /** Called when the connection of a client of the 2025 revisions ends, with the reason `deleted`. @default nothing is */
  onSessionEnd?: OnSessionEnd | undefined;
  /** Keeps what tools remember by session and by caller. @default in memory, as long as the connection */
  stateStore?: StateStore;
}

/**
 * Serves `createServer` on stdin and stdout until stdin ends, or until SIGINT or SIGTERM. Errors go to stderr, and so
 * does what anything in this process prints with `console` from then on. Of the settings, only `MCP_SHORTCUTS` and
 * `MCP_STATE_KEY` apply; if one is wrong, the process ends with code 1.
 */
export function serveOverStdio(createServer: CreateServer, options: ServeOverStdioOptions = {}): void {
  printToStderr();
  const { env = process.env, notify = createNotifier(), ...parts } = options;
  const { shortcuts, stateKeys } = settingsOrExit(env);
  applySchemaShortcuts(shortcuts);
  const { stdin, stdout } = process;
  const wire = { stdin, stdout, clock: systemClock };
  const connection = connectStdio(createServer, { ...parts, ...wire, notify, stateKeys, onerror: report });
  // The process ends by itself when stdin does, but not on a signal.
  process.once('SIGINT', () => void connection.close());
  process.once('SIGTERM', () => void connection.close());
}

function settingsOrExit({ MCP_SHORTCUTS, MCP_STATE_KEY }: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig({ MCP_SHORTCUTS, MCP_STATE_KEY });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(error);
    return process.exit(1);
  }
}

/** Options for {@link connectStdio}. */
export interface ConnectStdioOptions extends Omit<StdioTransportOptions, 'onresult'> {
  notify: Notifier;
  onerror: (error: Error) => void;
  /** As in {@link ServeOverStdioOptions}. */
  onSessionEnd?: OnSessionEnd | undefined;
  /** As in {@link ServeOverStdioOptions}. */
  stateStore?: StateStore;
  /** Keys that sign request states. @default a random one */
  stateKeys?: readonly Uint8Array[];
}

/** Serves `createServer` on a pair of streams until one side closes it. */
export function connectStdio(createServer: CreateServer, options: ConnectStdioOptions): StdioServerHandle {
  const { notify, onerror, onSessionEnd, stateKeys = [] } = options;
  const { stateStore = createMemoryStateStore({ clock: systemClock }) } = options;
  const id = crypto.randomUUID();
  let session: 'none' | 'open' | 'ended' = 'none';
  const state = { store: stateStore, hasSession: async () => session === 'open' };
  const bindRequestState = createRequestStates({ keys: stateKeys, warn: (message) => onerror(new Error(message)) });
  const buildServer = createServerBuilder(createServer, { notify, state, bindRequestState });
  const client = createStdioClient(options.stdout, onerror);
  const detach = notify.attach(client);
  const transport = new StdioTransport({ ...options, onresult: (request) => client.onresult(request) });
  const findRequest: FindRequest = (requestId) => transport.running(requestId);
  const handle = serveStdio(
    async ({ era }) => {
      const sessionId = era === 'legacy' ? id : undefined;
      if (sessionId !== undefined) session = 'open';
      const server = await buildServer({ era, caller: LOCAL_USER, sessionId, findRequest });
      client.use(protocolOf(server), era, sessionId);
      return server;
    },
    { transport, onerror },
  );
  const { onclose } = transport;
  transport.onclose = () => {
    onclose?.();
    detach();
    if (session !== 'open') return;
    session = 'ended';
    void endSession().catch((error: unknown) =>
      onerror(new Error(`The session ended with an error: ${String(error)}`)),
    );
  };

  async function endSession(): Promise<void> {
    try {
      await stateStore.clear(sessionScope(id));
    } finally {
      await onSessionEnd?.(id, 'deleted');
    }
  }

  return handle;
}

function report({ message }: Error): void {
  process.stderr.write(`${message}\n`);
}
