/** Checks what the tool file's `createServer` returns, and logs when it fails. */
import { McpServer, Server } from '@modelcontextprotocol/server';
import type { Logger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';
import { protocolOf } from '../transport/single-exchange.ts';

/**
 * Returns `createServer` with its result checked. It rejects with a `TypeError` that says what was returned instead of a new
 * server. The usual reason is a second copy of the SDK, or its first version: classes of another copy look the same, but
 * every call to them fails.
 */
export function requireServer(createServer: CreateServer): CreateServer {
  return async (context) => {
    const server: unknown = await createServer(context);
    if (server instanceof McpServer || server instanceof Server) {
      // Another client's call may be running on it, which must neither answer nor end along with this one.
      if (!protocolOf(server).transport) return server;
      throw new TypeError('createServer returned a server that is already in use: it must build a new one');
    }
    throw new TypeError(`createServer must return an McpServer, but returned ${describe(server)}`);
  };
}

/** Returns `createServer` with its failures logged. The SDK answers 500, and reports them like mistakes of clients. */
export function loggingFailures(createServer: CreateServer, log: Logger): CreateServer {
  return async (context) => {
    try {
      return await createServer(context);
    } catch (error) {
      log.error('createServer failed', { error: String(error) });
      log.debug('createServer failed', { stack: error instanceof Error ? error.stack : undefined });
      throw error;
    }
  };
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (!('connect' in value)) return 'another object';
  return (
    'one of another copy of the SDK. Install @modelcontextprotocol/server once (npm ls @modelcontextprotocol/server), ' +
    'and do not use @modelcontextprotocol/sdk, its first version'
  );
}
