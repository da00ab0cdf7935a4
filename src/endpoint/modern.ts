/**
 * Serves requests of 2026-07-28, each with a server of its own. The SDK's handler answers them, except for plain tool
 * calls: those take a shortcut, if shortcuts are on (`shortcuts/modern-call.ts`).
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
import { principalKey } from '../auth/caller.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { notAcceptableResponse, stoppingResponse } from '../protocol/errors.ts';
import { createModernCalls } from '../shortcuts/modern-call.ts';
import { watched } from '../signals/call-watch.ts';
import { keptAlive } from '../streams/event-stream.ts';
import type { PostExchange } from '../transport/exchange.ts';
import { createSdkHandler, type SdkHandlerOptions } from './sdk-handler.ts';
import { cutOffResponse } from './stateless.ts';

/** Options for {@link createModern}. */
export interface ModernOptions extends SdkHandlerOptions {
  /** Whether to use the shortcuts around the SDK. */
  shortcuts: boolean;
}

/** Serves requests of 2026-07-28. */
export interface ModernRequests {
  /** Answers a POST. */
  post(exchange: PostExchange): Promise<Response>;
  /** Cuts off the calls that are still running, and ends every stream. */
  close(): Promise<void>;
}

/** Makes the part of the endpoint that serves 2026-07-28; `close()` ends what it holds. */
export function createModern(options: ModernOptions): ModernRequests {
  const { callsInFlight, clock, keepAliveMs, lifecycle, openStreams } = options;
  const handler = createSdkHandler(options);
  const calls = options.shortcuts ? createModernCalls(options) : undefined;
  return {
    async post(exchange) {
      const { incoming, accepted } = exchange;
      if (lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
      if (incoming.method === 'subscriptions/listen') {
        // A subscription runs until one side ends it. A stop does not wait for it, and it has no answer for a JSON body.
        if (!accepted.eventStream) return notAcceptableResponse('text/event-stream');
        return handler.subscribe(exchange);
      }
      const answer = calls ? await calls.answer(exchange) : 'unserved';
      if (answer !== 'unserved') return answer ?? cutOffResponse(exchange, options);
      // The server may have stopped in the meantime.
      if (isStopped(lifecycle)) return stoppingResponse(incoming.id);
      const pending = handler.answer(exchange);
      if (!accepted.eventStream) return pending;
      const { authInfo } = exchange.caller;
      // The stream is the answer to the POST. From then on, the call behind it is counted and watched on its own.
      const late = () => watched(exchange.watch, () => pending);
      const onSilence = () => void callsInFlight.track(late, principalKey(exchange.caller)).catch(() => {});
      return keptAlive(pending, { clock, keepAliveMs, openStreams, expiresAt: authInfo?.expiresAt, onSilence });
    },
    close: async () => void (await Promise.all([handler.close(), calls?.close()])),
  };
}

function isStopped({ phase }: Readonly<Lifecycle>): boolean {
  return phase === 'stopped';
}
