/**
 * One server for each POST. The server is connected to a transport of its own, answers, and ends with its answer.
 *
 * This serves the 2025 revisions without sessions (`endpoint/stateless.ts`), and plain tool calls of 2026-07-28
 * (`shortcuts/modern-call.ts`). Their streams cannot be resumed, so a call ends when its client leaves.
 */
import { McpServer, type RequestId, type Server, type Transport } from '@modelcontextprotocol/server';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { createCallDeadlines } from './call.ts';
import { CLIENT_GONE, type PostExchange } from './exchange.ts';
import { HttpTransport } from './http-transport.ts';

/** Options for {@link createSingleExchanges}. */
export interface SingleExchangeOptions {
  callsInFlight: CallsInFlight;
  clock: Clock;
  lifecycle: Readonly<Lifecycle>;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** Counts open streams. @default nobody does */
  openStreams?: Pick<CallsInFlight, 'begin'> | undefined;
  /** How long a call may take before its answer becomes a stream, in milliseconds; `Infinity` for any time. */
  streamAfterMs: number;
  /** How long a call may run without progress before it is cancelled, in milliseconds; 0 for any time. */
  callTimeoutMs: number;
  /** Ends a server that has answered with JSON and is not waiting for anything. */
  endServer: (server: McpServer | Server) => Promise<void>;
  /** Receives the errors that the SDK reports but does not answer, and the request they belong to, if it is known. */
  onerror: (error: Error, requestId?: string) => void;
  /** Called with the method of a notification that belongs to no call, so that nobody hears it. */
  onunheard: (method: string) => void;
}

/** Serves each POST with its own server. */
export interface SingleExchanges {
  /**
   * Answers a POST with `server`. Resolves to `undefined` if the call was cut off before it had an answer.
   *
   * @param wrap - Returns the transport to connect the server to, given the one that answers.
   */
  serve(
    server: McpServer | Server,
    exchange: PostExchange,
    wrap?: (transport: HttpTransport) => Transport,
  ): Promise<Response | undefined>;
  /** Cuts off the calls that are still running. */
  close(): Promise<void>;
}

/** Makes a set of exchanges; `close()` ends what it holds. */
export function createSingleExchanges(options: SingleExchangeOptions): SingleExchanges {
  const { callsInFlight, clock, keepAliveMs, openStreams, lifecycle, onerror } = options;
  const deadlines = createCallDeadlines(options);
  const running = new Set<() => Promise<void>>();
  const onsay = (method: string, call: RequestId | undefined) => call === undefined && options.onunheard(method);
  const shared = { callsInFlight, clock, keepAliveMs, openStreams, deadlines, onsay };

  /** Lets a server run until one of the returned functions is called or its client leaves. */
  function begin(server: McpServer | Server, { request: { signal }, watch, report }: PostExchange) {
    const end = async (close: () => Promise<void>) => {
      if (!running.delete(cut)) return;
      signal.removeEventListener('abort', leave);
      await close().catch((error: Error) => onerror(error, report.id));
    };
    const cut = () => end(() => server.close());
    const leave = () => {
      watch?.ended(CLIENT_GONE);
      void cut();
    };
    running.add(cut);
    signal.addEventListener('abort', leave, { once: true });
    const endAnswered = () => end(() => options.endServer(server));
    return { cut, end: endAnswered };
  }

  return {
    async serve(server, exchange, wrap = (transport) => transport) {
      const { request } = exchange;
      const { cut, end } = begin(server, exchange);
      const ondetach = () => void cut();
      const transport = new HttpTransport({ ondetach, ...shared });
      try {
        await server.connect(wrap(transport));
        // Building the server took time.
        const isOver = lifecycle.phase === 'stopped' || request.signal.aborted;
        const response = isOver ? undefined : await transport.answer(exchange);
        if (response && !transport.streams.hasConnected && !transport.hasAsked) void end();
        else if (!transport.isAttached) void cut();
        return response;
      } catch (error) {
        await cut();
        throw error;
      }
    },
    async close() {
      await Promise.all(Array.from(running, (cut) => cut()));
      deadlines.close();
    },
  };
}

/** The low-level server that an `McpServer` wraps. */
export function protocolOf(server: McpServer | Server): Server {
  return server instanceof McpServer ? server.server : server;
}
