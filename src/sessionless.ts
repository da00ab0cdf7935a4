/**
 * The 2025 revisions without sessions: each POST is answered by a server of its own, which ends with the answer.
 *
 * There is no stream to come back for, so a call ends when its client goes away.
 */
import type { McpRequestContext, McpServer, Server } from '@modelcontextprotocol/server';
import type { CallsInFlight } from './calls-in-flight.ts';
import type { Clock } from './clock.ts';
import type { Deadlines } from './deadlines.ts';
import { internalErrorResponse } from './errors.ts';
import { methodOf, requestIdOf } from './json.ts';
import { refuseVersion, type Exchange } from './sessions/incoming.ts';
import { SessionTransport } from './sessions/session-transport.ts';

/** Options for {@link createSessionless}. */
export interface SessionlessOptions {
  /** Builds the server of a request; the context says `legacy`. Logs what it rejects with. */
  createServer: (context: McpRequestContext) => Promise<McpServer | Server>;
  callsInFlight: CallsInFlight;
  clock: Clock;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** When the answer to a call that takes longer becomes a stream. */
  streamDeadlines: Deadlines;
  /** Takes what the SDK reports beside its answers. */
  onerror: (error: Error) => void;
}

/** Serves POST requests. */
export interface Sessionless {
  /** Answers the parsed body of a POST; resolves to `undefined` when it was cut off before there was an answer. */
  post(body: unknown, exchange: Exchange & { request: Request }): Promise<Response | undefined>;
  /** Cuts what is still running. */
  close(): Promise<void>;
}

/** Makes it; `close()` ends what it holds. */
export function createSessionless(options: SessionlessOptions): Sessionless {
  const { createServer, onerror } = options;
  const running = new Set<() => Promise<void>>();
  let isClosed = false;
  return {
    async post(body, exchange) {
      const { request, authInfo } = exchange;
      // `initialize` says in its body which revisions the client speaks.
      const refusal = methodOf(body) === 'initialize' ? undefined : refuseVersion(request);
      if (refusal) return refusal;
      const context = { era: 'legacy', ...(authInfo && { authInfo }), requestInfo: request } as const;
      const server = await createServer(context).catch(() => undefined);
      if (!server) return internalErrorResponse(requestIdOf(body));
      const end = async () => {
        running.delete(end);
        request.signal.removeEventListener('abort', end);
        await server.close().catch(onerror);
      };
      running.add(end);
      request.signal.addEventListener('abort', end, { once: true });
      const transport = new SessionTransport({ ...options, ondetach: () => void end() });
      transport.onerror = onerror;
      try {
        await server.connect(transport);
        // Making the server took time.
        const response = isClosed || request.signal.aborted ? undefined : await transport.post(body, exchange);
        if (!transport.isAttached) await end();
        return response;
      } catch (error) {
        await end();
        throw error;
      }
    },
    async close() {
      isClosed = true;
      await Promise.all(Array.from(running, (end) => end()));
    },
  };
}
