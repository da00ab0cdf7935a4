/** A request to `/mcp` on its way: what was sent, by whom, and what the client can read. */
import { SUPPORTED_PROTOCOL_VERSIONS, type LoggingMessageNotificationParams } from '@modelcontextprotocol/server';
import type { Caller } from '../auth/caller.ts';
import type { Accepted } from '../protocol/accept.ts';
import { unsupportedVersionResponse } from '../protocol/errors.ts';
import type { McpHeaders } from '../protocol/headers.ts';
import type { Incoming } from '../protocol/incoming.ts';
import type { CallWatch } from '../signals/call-watch.ts';
import type { RequestReport } from '../telemetry/request-report.ts';
import type { ServerRequest } from '../context/context.ts';
import type { FindRequest } from '../context/request-state.ts';

/** The first revision whose clients read events without data. */
const PRIMING_SINCE = '2025-11-25';

/** The status, in the log and in metrics, of a request whose client has left. */
export const CLIENT_GONE = 499;

/** A request to `/mcp`, whatever its method. */
export interface McpRequest {
  request: Request;
  headers: McpHeaders;
  caller: Caller;
  /** Takes down what becomes known of it. */
  report: RequestReport;
}

/** One POST on its way to a server and back. */
export interface Exchange extends Partial<Pick<McpRequest, 'headers'>> {
  incoming: Incoming;
  accepted: Accepted;
  caller: Caller;
  /** Watches how its calls end. @default none */
  watch?: CallWatch | undefined;
  /** For tools; its signal tells when the client has gone. `undefined` when the host repeats a handshake. */
  request?: Request | undefined;
}

/** A POST from a client. */
export type PostExchange = Exchange & McpRequest;

/** Serves the 2025 revisions, with or without sessions. */
export interface LegacyRequests {
  /** The methods that are served, for `Allow`. */
  readonly allow: string;
  /** How many sessions are in memory. */
  readonly live: number;
  /** Answers a POST. */
  post(exchange: PostExchange): Promise<Response>;
  /** Opens or resumes a stream. */
  get(request: McpRequest): Promise<Response>;
  /** Ends a session. */
  delete(request: McpRequest): Promise<Response>;
  /** Sends a log message to a session, on the stream of GET. */
  log(sessionId: string, params: LoggingMessageNotificationParams): Promise<void>;
  /** Ends every stream and cuts off the calls that are still running. Records stay. */
  close(): Promise<void>;
}

/** The server that one POST needs. */
export function serverRequestOf({ incoming, request, caller, report }: PostExchange): ServerRequest {
  const { era, tool, requests } = incoming;
  const findRequest: FindRequest = (id) => requests.find((candidate) => candidate.id === id);
  return { era, caller, requestInfo: request, calledTool: tool, findRequest, requestId: report.id };
}

/** Answers 400 if `MCP-Protocol-Version` is not a legacy revision ("Protocol Version Header"). */
export function refuseVersion({ protocolVersion }: McpHeaders): Response | undefined {
  if (protocolVersion === null || SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersion)) return undefined;
  return unsupportedVersionResponse(SUPPORTED_PROTOCOL_VERSIONS);
}

/** Whether the client reads events without data: "For backwards compatibility", only those of 2025-11-25 and later do. */
export function readsPriming(headers: McpHeaders | undefined): boolean {
  return (headers?.protocolVersion ?? '') >= PRIMING_SINCE;
}
