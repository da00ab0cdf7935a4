/**
 * Requests without a session: each POST is answered by a server of its own, which ends with the answer (`ended-server.ts`).
 *
 * They are those of the 2025 revisions where there are no sessions, and plain tool calls of 2026-07-28
 * (`modern-call.ts`). There is no stream to come back for, so a call ends when its client goes away.
 */
import type { JSONRPCRequest, McpServer, Server, Transport } from '@modelcontextprotocol/server';
import { isEventStream } from '../protocol/accept.ts';
import { calledTool } from '../protocol/called-tool.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { McpContext } from '../tools.ts';
import type { Deadlines } from '../lib/deadlines.ts';
import { endAnswered } from '../shortcuts/ended-server.ts';
import { internalErrorResponse } from '../protocol/errors.ts';
import { methodOf, requestIdOf } from '../protocol/json.ts';
import { hasHeaderParameters, ModernCallTransport, protocolOf } from '../shortcuts/modern-call.ts';
import { refuseVersion, type Exchange } from '../protocol/incoming.ts';
import { SessionTransport } from '../transport/http-transport.ts';

/** Options for {@link createSessionless}. */
export interface SessionlessOptions {
  /** Builds the server of a request. Logs what it rejects with. */
  createServer: (context: McpContext) => Promise<McpServer | Server>;
  callsInFlight: CallsInFlight;
  clock: Clock;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** When the answer to a call of the 2025 revisions that takes longer becomes a stream. */
  streamDeadlines: Deadlines;
  /** Takes what the SDK reports beside its answers. */
  onerror: (error: Error) => void;
}

/** A POST, and what is known of who sent it. */
type Post = Exchange & { request: Request };

/** Serves POST requests; resolves to `undefined` when one was cut off before there was an answer. */
export interface Sessionless {
  /** Answers the parsed body of a POST of the 2025 revisions. */
  post(body: unknown, exchange: Post): Promise<Response | undefined>;
  /** Answers a plain tool call of 2026-07-28. `'unserved'`: it is for the SDK's handler, and no tool has seen it. */
  call(body: JSONRPCRequest, exchange: Post): Promise<Response | 'unserved' | undefined>;
  /** Cuts what is still running. */
  close(): Promise<void>;
}

/** As the SDK's handler has it: a modern call is answered with JSON, unless it has something to say before. */
const NO_DEADLINES: Deadlines = { set: () => () => {}, close() {} };

/** Makes it; `close()` ends what it holds. */
export function createSessionless(options: SessionlessOptions): Sessionless {
  const { onerror } = options;
  const running = new Set<() => Promise<void>>();
  let isClosed = false;
  /** Until a server turns out not to list the revision that modern calls are of. */
  let servesModern = true;

  /** `undefined` when it fails. */
  function createServer(era: 'legacy' | 'modern', body: unknown, { authInfo, request }: Post) {
    const context = { era, ...(authInfo && { authInfo }), requestInfo: request, calledTool: calledTool(body) };
    return options.createServer(context).catch(() => undefined);
  }

  /** Answers a POST with `server`, which is connected to what `wrap` makes of the transport. */
  async function serve<Connected extends Transport>(
    server: McpServer | Server,
    body: unknown,
    exchange: Post,
    { wrap, streamDeadlines }: { wrap: (transport: SessionTransport) => Connected; streamDeadlines: Deadlines },
  ): Promise<{ response: Response | undefined; connected: Connected }> {
    // Somebody else's call may be running there; it is neither served on nor ended with this one.
    if (protocolOf(server).transport) throw new Error('createServer returned a server that was used before');
    const { signal } = exchange.request;
    const end = async (close: () => Promise<void>) => {
      if (!running.delete(cut)) return;
      signal.removeEventListener('abort', cut);
      await close().catch(onerror);
    };
    const cut = () => end(() => server.close());
    running.add(cut);
    signal.addEventListener('abort', cut, { once: true });
    const transport = new SessionTransport({ ...options, streamDeadlines, ondetach: () => void cut() });
    transport.onerror = onerror;
    const connected = wrap(transport);
    try {
      await server.connect(connected);
      // Making the server took time.
      const response = isClosed || signal.aborted ? undefined : await transport.post(body, exchange);
      if (response && !isEventStream(response) && !transport.hasAsked) void end(() => endAnswered(server));
      else if (!transport.isAttached) void cut();
      return { response, connected };
    } catch (error) {
      await cut();
      throw error;
    }
  }

  return {
    async post(body, exchange) {
      // `initialize` says in its body which revisions the client speaks.
      const refusal = methodOf(body) === 'initialize' ? undefined : refuseVersion(exchange.request);
      if (refusal) return refusal;
      const server = await createServer('legacy', body, exchange);
      if (!server) return internalErrorResponse(requestIdOf(body));
      const { streamDeadlines } = options;
      return (await serve(server, body, exchange, { wrap: (transport) => transport, streamDeadlines })).response;
    },
    async call(body, exchange) {
      if (!servesModern) return 'unserved';
      const server = await createServer('modern', body, exchange);
      if (!server) return internalErrorResponse(body.id);
      if (hasHeaderParameters(server, body)) {
        await server.close().catch(onerror);
        return 'unserved';
      }
      const wrap = (transport: SessionTransport) => new ModernCallTransport(server, transport, body);
      const { response, connected } = await serve(server, body, exchange, { wrap, streamDeadlines: NO_DEADLINES });
      if (connected.isUnlisted) servesModern = false;
      if (connected.isRefused) return 'unserved';
      return response && connected.withStatus(response);
    },
    async close() {
      isClosed = true;
      await Promise.all(Array.from(running, (cut) => cut()));
    },
  };
}
