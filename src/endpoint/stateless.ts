/** Serves the 2025 revisions without sessions: a new server for each POST, no GET, no DELETE. */
import type { BuildServer } from '../context/context.ts';
import {
  clientGoneResponse,
  internalErrorResponse,
  methodNotAllowedResponse,
  stoppingResponse,
} from '../protocol/errors.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { createServerEnder } from '../shortcuts/ended-server.ts';
import type { Logger } from '../telemetry/log.ts';
import { refuseVersion, serverRequestOf, type LegacyRequests, type PostExchange } from '../transport/exchange.ts';
import { createSingleExchanges, type SingleExchangeOptions } from '../transport/single-exchange.ts';

/** Options for {@link createStateless}. */
export interface StatelessOptions extends Omit<SingleExchangeOptions, 'endServer'> {
  /** Builds the server of a request; logs its own failures. */
  buildServer: BuildServer;
  /** Whether to use the shortcuts around the SDK. */
  shortcuts: boolean;
  log: Logger;
}

/** Makes the part of the endpoint that serves them; `close()` ends what it holds. */
export function createStateless(options: StatelessOptions): LegacyRequests {
  const { buildServer, lifecycle } = options;
  const endServer = options.shortcuts
    ? createServerEnder(options.onunheard)
    : (server: { close(): Promise<void> }) => server.close();
  const exchanges = createSingleExchanges({ ...options, endServer });

  async function post(exchange: PostExchange): Promise<Response> {
    const { incoming, headers } = exchange;
    if (lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
    // `initialize` names the revision in its body.
    const refusal = incoming.kind === 'initialize' ? undefined : refuseVersion(headers);
    if (refusal) return refusal;
    exchange.report.revision = headers.protocolVersion ?? undefined;
    let server;
    try {
      server = await buildServer(serverRequestOf(exchange));
    } catch {
      return internalErrorResponse(incoming.id);
    }
    return (await exchanges.serve(server, exchange)) ?? cutOffResponse(exchange, options);
  }

  return {
    allow: 'POST',
    live: 0,
    post,
    get: async () => methodNotAllowedResponse('POST'),
    delete: async () => methodNotAllowedResponse('POST'),
    log: async () => {},
    close: () => exchanges.close(),
  };
}

/** The answer to a call that was cut off before it had one: by a stop, its client, or its own server, which is logged. */
export function cutOffResponse(
  { incoming, request, report }: PostExchange,
  { lifecycle, log }: { lifecycle: Readonly<Lifecycle>; log: Logger },
): Response {
  if (lifecycle.phase === 'stopped') return stoppingResponse(incoming.id);
  if (request.signal.aborted) return clientGoneResponse();
  log.error('a server closed before it had answered its call', {
    requestId: report.id,
    method: incoming.method,
  });
  return internalErrorResponse(incoming.id);
}
