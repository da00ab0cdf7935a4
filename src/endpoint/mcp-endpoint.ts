/**
 * `/mcp`: reads and parses the body once, behind the size limit, and gives the request to its era.
 *
 * Which era is the SDK's decision, or plain beforehand (`era.ts`), never a guess from a header. *Modern* requests
 * (2026-07-28) have a server of their own each: plain tool calls in `sessionless.ts`, all else in the SDK's handler.
 * Those of the 2025 revisions go to their session (`sessions/`), or without sessions to `sessionless.ts` too.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
import {
  createMcpHandler,
  isJsonContentType,
  readRequestBody,
  type McpRequestContext,
  type McpServer,
  type Server,
  type ServerEventBus,
} from '@modelcontextprotocol/server';
import { asAccepted, readAccept, type Accepted } from '../protocol/accept.ts';
import { toolInHeaders } from '../protocol/called-tool.ts';
import type { Caller } from '../auth/caller.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { CreateServer, McpContext } from '../tools.ts';
import type { Deadlines } from '../lib/deadlines.ts';
import { isLegacyPost } from './era.ts';
import {
  batchTooLargeResponse,
  bodyTooLargeResponse,
  clientGoneResponse,
  internalErrorResponse,
  methodNotAllowedResponse,
  notAcceptableResponse,
  parseErrorResponse,
  stoppingResponse,
  tooDeepResponse,
  tooManyValuesResponse,
  unsupportedMediaTypeResponse,
} from '../protocol/errors.ts';
import { hasMoreValuesThan, isDeeperThan, methodOf, parseJson, requestIdOf } from '../protocol/json.ts';
import { isPlainCall, protocolOf } from '../shortcuts/modern-call.ts';
import { createSessionless } from './sessionless.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { watchBody } from '../transport/streams.ts';
import type { Logger } from '../telemetry/log.ts';

/** The SDK's limit, kept here because it looks at every message of a batch before it counts them. */
const MAX_BATCH_MESSAGES = 100;
/** Arrays and objects in each other; what walks through a body by recursion overflows the stack at some thousands. */
const MAX_DEPTH = 200;
/** Values in a body beside the input of tools and prompts. The SDK checks each of them many times, some by comparing all with all. */
const MAX_VALUES = 2000;

/** Options for {@link createMcpEndpoint}. */
export interface McpEndpointOptions {
  /** Builds the server of a modern request, or of a request of the 2025 revisions without sessions. */
  createServer: CreateServer;
  /** Serves the 2025 revisions; `undefined` serves them without sessions, and without GET and DELETE. */
  sessions: Sessions | undefined;
  callsInFlight: CallsInFlight;
  clock: Clock;
  /** Largest body read, in bytes. */
  maxBodyBytes: number;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** When the answer to a call of the 2025 revisions that takes longer becomes a stream. */
  streamDeadlines: Deadlines;
  /** Where changes are published for clients that listen; `undefined` for one of its own. */
  bus: ServerEventBus | undefined;
  log: Logger;
}

/** Serves `/mcp`. */
export interface McpEndpoint {
  /** Answers a request of any method. */
  handle(request: Request, caller: Caller): Response | Promise<Response>;
  /** From now on takes no new sessions and no new modern requests (503); the rest goes on. */
  refuseNew(): void;
  /** Ends every stream that is still open. */
  close(): Promise<void>;
}

/** Makes the endpoint; `close()` ends what it holds. */
export function createMcpEndpoint(options: McpEndpointOptions): McpEndpoint {
  const { sessions, callsInFlight, maxBodyBytes, log } = options;
  const handler = createMcpHandler(createHandled, {
    ...(options.bus && { bus: options.bus }),
    legacy: 'reject',
    keepAliveMs: options.keepAliveMs,
    onerror: (error) => log.debug('mcp', { error: error.message }),
  });
  const sessionless = createSessionless({
    ...options,
    createServer,
    onerror: (error) => log.debug('transport', { error: error.message }),
  });
  const allow = sessions ? 'POST, GET, DELETE' : 'POST';
  /** What is turned away while the server stops: nothing, then what is new, at last everything. */
  let refusing: 'nothing' | 'new' | 'everything' = 'nothing';

  /** The SDK answers 500 by itself when this fails, and reports it among what clients do wrong. */
  async function createServer(context: McpContext): Promise<McpServer | Server> {
    try {
      return await options.createServer(context);
    } catch (error) {
      log.error('a server could not be made', { error: String(error) });
      log.debug('a server could not be made', { stack: error instanceof Error ? error.stack : undefined });
      throw error;
    }
  }

  /** For the SDK's handler, which has compared headers and body. */
  async function createHandled(context: McpRequestContext): Promise<McpServer | Server> {
    const { requestInfo } = context;
    const server = await createServer({ ...context, calledTool: requestInfo && toolInHeaders(requestInfo) });
    return closingUnsent(server, log);
  }

  /** The answer to a call that was cut off before it had one: by a stop, by its client, or by its own server. */
  function cutOffResponse(request: Request, body: unknown): Response {
    if (refusing === 'everything') return stoppingResponse(requestIdOf(body));
    return request.signal.aborted ? clientGoneResponse() : internalErrorResponse(requestIdOf(body));
  }

  async function post(request: Request, caller: Caller): Promise<Response> {
    const accepted = readAccept(request.headers.get('accept'));
    if (!accepted.json && !accepted.eventStream) return notAcceptableResponse('application/json or text/event-stream');
    const read = await readBody(request, maxBodyBytes);
    if (read instanceof Response) {
      if (read.status === 413) log.warn('a body was too large; MCP_MAX_BODY_BYTES sets the limit', { maxBodyBytes });
      return read;
    }
    const { body } = read;

    const isLegacy = await isLegacyPost(request, body);
    const isNew = !isLegacy || !sessions || methodOf(body) === 'initialize';
    // Once more for everything: reading the body may have taken until the end.
    if (refusing === 'everything' || (isNew && refusing === 'new')) return stoppingResponse(requestIdOf(body));
    if (!isLegacy) return serveModern(request, body, caller, accepted);
    const end = callsInFlight.begin();
    try {
      if (sessions) return await sessions.post(request, body, caller, accepted);
      const exchange = { request, accepted, authInfo: caller.authInfo };
      return (await sessionless.post(body, exchange)) ?? cutOffResponse(request, body);
    } finally {
      end();
    }
  }

  async function serveModern(request: Request, body: unknown, caller: Caller, accepted: Accepted): Promise<Response> {
    const parsed = { parsedBody: body, ...(caller.authInfo && { authInfo: caller.authInfo }) };
    if (methodOf(body) === 'subscriptions/listen') {
      // It ends when one side wants it to: nothing to wait for, and nothing to put into one JSON body.
      if (!accepted.eventStream) return notAcceptableResponse('text/event-stream');
      return watchBody(await handler.fetch(request, parsed), () => {});
    }
    const end = callsInFlight.begin();
    try {
      if (isPlainCall(request, body, accepted)) {
        const answer = await sessionless.call(body, { request, accepted, authInfo: caller.authInfo });
        if (answer !== 'unserved') {
          end();
          return answer ?? cutOffResponse(request, body);
        }
      }
      // That may have taken until the end.
      const response = refusing === 'everything' ? undefined : await handler.fetch(request, parsed);
      if (response && response.status !== 499) return await asAccepted(watchBody(response, end), accepted);
      end();
      return cutOffResponse(request, body);
    } catch (error) {
      end();
      throw error;
    }
  }

  return {
    handle(request, caller) {
      if (refusing === 'everything') return stoppingResponse();
      switch (request.method) {
        case 'POST':
          return post(request, caller);
        case 'GET':
          if (!sessions) return methodNotAllowedResponse(allow);
          if (!readAccept(request.headers.get('accept')).eventStream) return notAcceptableResponse('text/event-stream');
          return sessions.get(request, caller);
        case 'DELETE':
          return sessions ? sessions.delete(request, caller) : methodNotAllowedResponse(allow);
        default:
          return methodNotAllowedResponse(allow);
      }
    },
    refuseNew() {
      refusing = 'new';
    },
    async close() {
      refusing = 'everything';
      await Promise.all([handler.close(), sessions?.close(), sessionless.close()]);
    },
  };
}

/** Has `server` close when it cannot send its answer, such as one with a circle: the SDK reports that, and leaves the client waiting. */
function closingUnsent<Made extends McpServer | Server>(server: Made, log: Logger): Made {
  const protocol = protocolOf(server);
  const { onerror } = protocol;
  const close = async (error: Error) => {
    log.debug('mcp', { error: error.message });
    try {
      await protocol.close();
    } catch (failure) {
      log.debug('mcp', { error: String(failure) });
    }
  };
  protocol.onerror = (error) => {
    onerror?.(error);
    if (error.message.startsWith('Failed to send response')) void close(error);
  };
  return server;
}

/** The parsed body of a POST, or the answer to one that is not taken. */
async function readBody(request: Request, maxBytes: number): Promise<{ body: unknown } | Response> {
  if (!isJsonContentType(request.headers.get('content-type'))) return unsupportedMediaTypeResponse();
  let text;
  try {
    text = await readText(request, maxBytes);
  } catch {
    // The client went away before the end; nobody reads this.
    return parseErrorResponse();
  }
  if (text === undefined) return bodyTooLargeResponse(maxBytes);
  const body = parseJson(text);
  if (body === undefined) return parseErrorResponse();
  if (Array.isArray(body) && body.length > MAX_BATCH_MESSAGES) return batchTooLargeResponse(MAX_BATCH_MESSAGES);
  // Two characters for each, at least: most bodies are too short to be looked through.
  const most = text.length / 2;
  if (most > MAX_DEPTH && isDeeperThan(MAX_DEPTH, body)) return tooDeepResponse(MAX_DEPTH, requestIdOf(body));
  if (most > MAX_VALUES && hasMoreValuesThan(MAX_VALUES, body))
    return tooManyValuesResponse(MAX_VALUES, requestIdOf(body));
  return { body };
}

/**
 * The body as text; `undefined` when it is too large. HTTP sees to it that a body is as long as declared, so only one
 * of unknown length is counted; one that is declared too large is not read.
 */
function readText(request: Request, maxBytes: number): Promise<string | undefined> {
  const declared = request.headers.get('content-length');
  if (declared !== null && /^\d+$/.test(declared) && Number(declared) <= maxBytes) return request.text();
  return readRequestBody(request, maxBytes).then((read) => (read.tooLarge ? undefined : read.text));
}
