/**
 * `/mcp`: dispatches by method. A POST is read (`read-message.ts`) and passed to its era: `modern.ts` serves 2026-07-28;
 * `sessions/`, or `stateless.ts` without sessions, serves the 2025 revisions.
 */
import type { Relay } from '../contracts/relay.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { UnavailableError } from '../lib/unavailable-error.ts';
import { readAccept } from '../protocol/accept.ts';
import {
  engineUnavailableResponse,
  methodNotAllowedResponse,
  notAcceptableResponse,
  stoppingResponse,
  tooManyCallsResponse,
} from '../protocol/errors.ts';
import { readMcpHeaders } from '../protocol/headers.ts';
import { watched, type WatchCalls } from '../signals/call-watch.ts';
import type { Logger } from '../telemetry/log.ts';
import type { RequestReport } from '../telemetry/request-report.ts';
import type { LegacyRequests, McpRequest, PostExchange } from '../transport/exchange.ts';
import type { ModernRequests } from './modern.ts';
import { readMessage, type ReadBody } from './read-message.ts';

/** Options for {@link createMcpEndpoint}. */
export interface McpEndpointOptions {
  /** Serves 2026-07-28. */
  modern: ModernRequests;
  /** Serves the 2025 revisions, with sessions or without. */
  legacy: LegacyRequests;
  lifecycle: Readonly<Lifecycle>;
  callsInFlight: CallsInFlight;
  /** Largest body, in bytes. */
  maxBodyBytes: number;
  /** Most calls of one authenticated principal that may run at a time. */
  maxCallsPerPrincipal: number;
  /** Knows whether there are other nodes. */
  relay: Pick<Relay, 'hasPeers'>;
  log: Logger;
  /** Watches how the calls of a POST end. */
  watch: WatchCalls;
}

/** Answers a request to `/mcp`, whatever its method. */
export type McpEndpoint = (received: Omit<McpRequest, 'headers'>, readBody: ReadBody) => Promise<Response>;

/** Makes the endpoint. It has no state of its own. */
export function createMcpEndpoint(options: McpEndpointOptions): McpEndpoint {
  const { modern, legacy, lifecycle, callsInFlight, maxCallsPerPrincipal, relay, log } = options;

  /** Whether new calls and streams are for other nodes: this one is stopping, and would never be done. */
  const isForPeers = () => relay.hasPeers && lifecycle.phase !== 'serving';

  async function servePost(received: McpRequest, readBody: ReadBody): Promise<Response> {
    const exchange = await readPost(received, readBody, options);
    if (exchange instanceof Response) return exchange;
    const { incoming, report, request } = exchange;
    exchange.watch = options.watch(incoming, report.startedAt, request.headers);
    return watched(exchange.watch, () => serveMessages(exchange));
  }

  async function serveMessages(exchange: PostExchange): Promise<Response> {
    const { incoming, report } = exchange;
    const { principal, id: requestId } = report;
    // The server may have stopped while the body was being read.
    if (lifecycle.phase === 'stopped') return stoppingResponse(incoming.id);
    const calls = incoming.requests.length;
    if (calls > 0 && isForPeers()) return stoppingResponse(incoming.id);
    if (calls > 0 && callsInFlight.countOf(principal) + calls > maxCallsPerPrincipal) {
      log.warn('too many running calls of one principal; MCP_MAX_CALLS_PER_PRINCIPAL sets the limit', { requestId });
      return tooManyCallsResponse('principal', maxCallsPerPrincipal, incoming.id);
    }
    const requests = incoming.era === 'modern' ? modern : legacy;
    // A notification is not a call, but a stop waits for it, too.
    const end = callsInFlight.begin(principal, Math.max(calls, 1));
    try {
      return await requests.post(exchange);
    } catch (error) {
      return unavailableOr(error, report, incoming.id);
    } finally {
      end();
    }
  }

  async function serve(received: McpRequest, readBody: ReadBody): Promise<Response> {
    if (lifecycle.phase === 'stopped') return stoppingResponse();
    switch (received.request.method) {
      case 'POST':
        return servePost(received, readBody);
      case 'GET':
        received.report.isResumption = received.request.headers.has('last-event-id');
        if (isForPeers()) return stoppingResponse();
        return legacy.get(received).catch((error: unknown) => unavailableOr(error, received.report));
      case 'DELETE':
        return legacy.delete(received).catch((error: unknown) => unavailableOr(error, received.report));
      default:
        return methodNotAllowedResponse(legacy.allow);
    }
  }

  return async ({ request, caller, report }, readBody) => {
    const response = await serve({ request, caller, report, headers: readMcpHeaders(request) }, readBody);
    noteRefusal(report, response, lifecycle);
    return response;
  };
}

/** Reads a POST, or returns the response that refuses it. */
async function readPost(
  received: McpRequest,
  readBody: ReadBody,
  { maxBodyBytes, log }: McpEndpointOptions,
): Promise<PostExchange | Response> {
  const { request, headers, report } = received;
  const accepted = readAccept(request.headers.get('accept'));
  if (!accepted.json && !accepted.eventStream) return notAcceptableResponse('application/json or text/event-stream');
  const incoming = await readMessage(request, headers, maxBodyBytes, readBody);
  if (incoming instanceof Response) {
    if (incoming.status === 413) {
      log.warn('body too large; MCP_MAX_BODY_BYTES sets the limit', { requestId: report.id, maxBodyBytes });
    }
    return incoming;
  }
  report.incoming = incoming;
  return { incoming, accepted, ...received };
}

/** Takes down why a request was refused, where its status does not tell. */
function noteRefusal(report: RequestReport, { status }: Response, { phase }: Readonly<Lifecycle>): void {
  // In the modern era, 404 stands for an unknown method.
  if (status === 404) report.refusal = report.incoming?.era === 'modern' ? 'protocol' : 'unknown_session';
  if (status === 503) report.refusal ??= phase === 'serving' ? 'sessions' : 'draining';
}

/** 503 if an engine is unavailable, which has logged that. Any other failure is a bug, and thrown again. */
function unavailableOr(error: unknown, report: RequestReport, id: string | number | null = null): Response {
  if (!(error instanceof UnavailableError)) throw error;
  report.refusal = 'unavailable';
  return engineUnavailableResponse(id);
}
