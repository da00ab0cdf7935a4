/**
 * One POST, one server: the server is connected to a transport of its own, answers, and ends with the answer.
 *
 * This serves the 2025 revisions where there are no sessions (`endpoint/stateless.ts`) and plain tool calls of
 * 2026-07-28 (`shortcuts/modern-call.ts`). There is no stream to come back for, so a call ends when its client leaves.
 */
import { McpServer, type Server, type Transport } from '@modelcontextprotocol/server';
import { isEventStream } from '../protocol/accept.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { PostExchange } from './exchange.ts';
import { HttpTransport } from './http-transport.ts';

/** Options for {@link createSingleExchanges}. */
export interface SingleExchangeOptions {
  callsInFlight: CallsInFlight;
  clock: Clock;
  lifecycle: Readonly<Lifecycle>;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** How long a call may take before its answer becomes a stream, in milliseconds; `Infinity` for any time. */
  streamAfterMs: number;
  /** Ends a server that has answered with JSON and waits for nothing. */
  endServer: (server: McpServer | Server) => Promise<void>;
  /** Takes what the SDK reports beside its answers. */
  onerror: (error: Error) => void;
}

/** Serves POSTs with a server each. */
export interface SingleExchanges {
  /**
   * Answers a POST with `server`; resolves to `undefined` when it was cut off before there was an answer.
   *
   * @param wrap - Makes what the server is connected to of the transport.
   */
  serve(
    server: McpServer | Server,
    exchange: PostExchange,
    wrap?: (transport: HttpTransport) => Transport,
  ): Promise<Response | undefined>;
  /** Cuts what is still running. */
  close(): Promise<void>;
}

/** Makes it; `close()` ends what it holds. */
export function createSingleExchanges(options: SingleExchangeOptions): SingleExchanges {
  const { lifecycle, onerror } = options;
  const running = new Set<() => Promise<void>>();

  /** Lets a server run until the returned function is called, `cut` is, or its client leaves. */
  function begin(server: McpServer | Server, { signal }: Request) {
    const end = async (close: () => Promise<void>) => {
      if (!running.delete(cut)) return;
      signal.removeEventListener('abort', cut);
      await close().catch(onerror);
    };
    const cut = () => end(() => server.close());
    running.add(cut);
    signal.addEventListener('abort', cut, { once: true });
    return { cut, end: () => end(() => options.endServer(server)) };
  }

  return {
    async serve(server, exchange, wrap = (transport) => transport) {
      // Another client's call may be running on it; it is neither served on that server nor ended with this one.
      if (protocolOf(server).transport) throw new Error('createServer returned a server that was used before');
      const { request } = exchange;
      const { cut, end } = begin(server, request);
      const transport = new HttpTransport({ ...options, ondetach: () => void cut() });
      transport.onerror = onerror;
      try {
        await server.connect(wrap(transport));
        // Making the server took time.
        const isOver = lifecycle.phase === 'stopped' || request.signal.aborted;
        const response = isOver ? undefined : await transport.post(exchange);
        if (response && !isEventStream(response) && !transport.hasAsked) void end();
        else if (!transport.isAttached) void cut();
        return response;
      } catch (error) {
        await cut();
        throw error;
      }
    },
    async close() {
      await Promise.all(Array.from(running, (cut) => cut()));
    },
  };
}

/** The server below an `McpServer`. */
export function protocolOf(server: McpServer | Server): Server {
  return server instanceof McpServer ? server.server : server;
}
