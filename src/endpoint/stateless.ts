/** Serves the 2025 revisions without sessions: a new server for each POST, no GET, no DELETE. */
import type { BuildServer } from '../context/context.ts';
import {
  clientGoneResponse,
  internalErrorResponse,
  methodNotAllowedResponse,
  stoppingResponse,
} from '../protocol/errors.ts';
import type { LegacyRequests } from '../sessions/sessions.ts';
import { endAnswered } from '../shortcuts/ended-server.ts';
import { refuseVersion, serverRequestOf, type PostExchange } from '../transport/exchange.ts';
import { createSingleExchanges, type SingleExchangeOptions } from '../transport/single-exchange.ts';

/** Options for {@link createStateless}. */
export interface StatelessOptions extends Omit<SingleExchangeOptions, 'endServer'> {
  /** Builds the server of a request; logs its own failures. */
  buildServer: BuildServer;
  /** Whether to use the shortcuts around the SDK. */
  shortcuts: boolean;
}

/** Makes the part of the endpoint that serves them; `close()` ends what it holds. */
export function createStateless(options: StatelessOptions): LegacyRequests {
  const { buildServer, lifecycle } = options;
  const endServer = options.shortcuts ? endAnswered : (server: { close(): Promise<void> }) => server.close();
  const exchanges = createSingleExchanges({ ...options, endServer });

  async function post(exchange: PostExchange): Promise<Response> {
    const { incoming, headers } = exchange;
    if (lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
    // `initialize` names the revision in its body.
    const refusal = incoming.kind === 'initialize' ? undefined : refuseVersion(headers);
    if (refusal) return refusal;
    let server;
    try {
      server = await buildServer(serverRequestOf(exchange));
    } catch {
      return internalErrorResponse(incoming.id);
    }
    return (await exchanges.serve(server, exchange)) ?? cutOffResponse(exchange, lifecycle);
  }

  return {
    allow: 'POST',
    post,
    get: async () => methodNotAllowedResponse('POST'),
    delete: async () => methodNotAllowedResponse('POST'),
    log: async () => {},
    close: () => exchanges.close(),
  };
}

/** The answer to a call that was cut off before it had one: by a stop, its client, or its own server. */
export function cutOffResponse({ incoming, request }: PostExchange, { phase }: Readonly<{ phase: string }>): Response {
  if (phase === 'stopped') return stoppingResponse(incoming.id);
  return request.signal.aborted ? clientGoneResponse() : internalErrorResponse(incoming.id);
}
