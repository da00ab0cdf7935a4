/** Calls the tool file's `createServer` with its context, checks what it returns, and logs when it fails. */
import { McpServer, Server } from '@modelcontextprotocol/server';
import type { BuildServer, CreateServer, McpContext } from '../context/context.ts';
import type { Notifier } from '../context/notifier.ts';
import type { BindRequestState } from '../context/request-state.ts';
import { ScopedState, type StateSource } from '../context/state.ts';
import type { Logger } from '../telemetry/log.ts';
import { protocolOf } from '../transport/single-exchange.ts';

/** What every context has. */
export interface ServerBuilderOptions {
  notify: Notifier;
  state: StateSource;
  bindRequestState: BindRequestState;
  /**
   * Receives what the SDK reports of a server but does not answer, along with the id of the request or session that the
   * server was built for. @default only the server's own `onerror` does
   */
  onerror?: (error: Error, requestId: string | undefined, sessionId: string | undefined) => void;
}

/**
 * Makes a function that builds servers with `createServer`. It rejects with a `TypeError` that says what was returned
 * instead of a new server. The usual reason is a second copy of the SDK, or its first version: classes of another copy
 * look the same, but every call to them fails.
 */
export function createServerBuilder(
  createServer: CreateServer,
  { notify, state, bindRequestState, onerror }: ServerBuilderOptions,
): BuildServer {
  const used = new WeakSet<McpServer | Server>();
  return async ({ era, caller, sessionId, requestInfo, calledTool, findRequest, requestId }) => {
    const { principal, authInfo } = caller;
    const context: McpContext = {
      era,
      sessionId,
      caller: principal,
      notify,
      state: new ScopedState(state, sessionId, caller),
      requestState: bindRequestState(caller, findRequest),
      calledTool,
      ...(authInfo && { authInfo }),
      ...(requestInfo && { requestInfo }),
    };
    let server: unknown;
    try {
      server = await createServer(context);
    } catch (error) {
      throw buildFailure(error);
    }
    if (!(server instanceof McpServer || server instanceof Server)) {
      throw new TypeError(`createMcpServer must return an McpServer, but returned ${describe(server)}`);
    }
    // One client's call may still be running on it, and what it keeps in memory is not for another client.
    const protocol = protocolOf(server);
    if (used.has(server) || protocol.transport) {
      throw new TypeError('createMcpServer returned a server that it had returned before: it must build a new one');
    }
    used.add(server);
    if (onerror) alsoReport(protocol, (error) => onerror(error, requestId, sessionId));
    return server;
  };
}

/** Returns `buildServer` with its failures logged. The SDK answers 500, and reports them like mistakes of clients. */
export function loggingFailures(buildServer: BuildServer, log: Logger): BuildServer {
  return async (request) => {
    try {
      return await buildServer(request);
    } catch (error) {
      const { requestId } = request;
      log.error('a server could not be built', { requestId, error: String(error) });
      log.debug('a server could not be built', { requestId, stack: error instanceof Error ? error.stack : undefined });
      throw error;
    }
  };
}

/** Has a server report errors to `report`, too, and not only to the handler that its author may have set. */
function alsoReport(protocol: Server, report: (error: Error) => void): void {
  const { onerror } = protocol;
  // Does nothing to a frozen server, whose errors are then not reported.
  Reflect.set(protocol, 'onerror', (error: Error) => {
    onerror?.(error);
    report(error);
  });
}

/** Names the function that failed: its own message may say anything. */
function buildFailure(error: unknown): Error {
  const failure = new Error(`createMcpServer failed: ${String(error)}`);
  if (error instanceof Error && error.stack !== undefined) failure.stack = error.stack;
  return failure;
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (!('connect' in value)) return 'another object';
  return (
    'one of another copy of the SDK. Install @modelcontextprotocol/server once (npm ls @modelcontextprotocol/server), ' +
    'and do not use @modelcontextprotocol/sdk, its first version'
  );
}
