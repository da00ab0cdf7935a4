/**
 * A session in memory: one server on one transport, new or built from a record.
 *
 * `sessions.ts` decides which of them exist. Each keeps its record true: what shapes the session is saved
 * before the client hears that it worked, so that `restore` can repeat it to another server.
 */
import {
  isJSONRPCRequest,
  type AuthInfo,
  type JSONRPCRequest,
  type LoggingLevel,
  type McpServerFactory,
} from '@modelcontextprotocol/server';
import { ACCEPT_BOTH, acceptingBoth } from '../accept.ts';
import type { CallsInFlight } from '../calls-in-flight.ts';
import { sessionNotFoundResponse, tooManySubscriptionsResponse } from '../errors.ts';
import { methodOf } from '../json.ts';
import type { EventLog } from './event-log.ts';
import type { SessionChanges, SessionRecord } from './session-store.ts';
import { SessionTransport } from './session-transport.ts';

/** Subscriptions that a record keeps, and the longest URI among them. */
const MAX_SUBSCRIPTIONS = 500;
const MAX_URI_CHARS = 2048;

/** What {@link createLiveSession} is made from. */
export interface LiveSessionOptions {
  id: string;
  /** Builds the session's server. */
  createServer: McpServerFactory;
  /** The caller whose request brings the session to life. */
  authInfo: AuthInfo | undefined;
  eventLog: EventLog;
  callsInFlight: CallsInFlight;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** Puts what shapes the session into its record; resolves to `false` when there is none any more. */
  save: (changes: SessionChanges) => Promise<boolean>;
  /** Takes what the SDK reports beside its answers. */
  onerror: (error: Error) => void;
}

/** A session that can answer. */
export interface LiveSession {
  /** Calls that have no answer yet, whether or not anybody still listens for it. */
  readonly running: number;
  /** Serves one request of the session; `body` is the parsed body of a POST. */
  handle(request: Request, body: unknown, authInfo: AuthInfo | undefined): Promise<Response>;
  /** Repeats to the server what `record` says was said. */
  restore(record: SessionRecord): Promise<void>;
  /** Ends its streams and cancels its calls. */
  close(): Promise<void>;
}

/** Builds a server for the session and connects it. */
export async function createLiveSession(options: LiveSessionOptions): Promise<LiveSession> {
  const { id, createServer, authInfo: opener, eventLog, callsInFlight, keepAliveMs, save } = options;
  const subscriptions = new Set<string>();
  const transport = new SessionTransport({ sessionId: id, eventLog, callsInFlight, keepAliveMs, beforeResult });
  transport.onerror = options.onerror;
  const server = await createServer({ era: 'legacy', ...(opener && { authInfo: opener }) });
  await server.connect(transport);

  async function beforeResult({ method, params }: JSONRPCRequest): Promise<void> {
    if (method === 'logging/setLevel') await remember({ logLevel: params?.['level'] as LoggingLevel });
    if (method !== 'resources/subscribe' && method !== 'resources/unsubscribe') return;
    subscriptions[method === 'resources/subscribe' ? 'add' : 'delete'](params?.['uri'] as string);
    await remember({ subscriptions: [...subscriptions] });
  }

  async function remember(changes: SessionChanges): Promise<void> {
    if (!transport.muted && !(await save(changes))) throw new Error('The session has ended');
  }

  /** Refuses a body that would make for more subscriptions than a record keeps. */
  function refuseSubscriptions(messages: unknown[]): Response | undefined {
    const requests = messages.filter((message) => methodOf(message) === 'resources/subscribe');
    if (requests.length === 0) return undefined;
    const wanted = new Set(subscriptions);
    for (const message of requests) {
      if (!isJSONRPCRequest(message)) continue;
      const uri = message.params?.['uri'];
      if (typeof uri !== 'string') continue;
      wanted.add(uri);
      if (uri.length > MAX_URI_CHARS || wanted.size > MAX_SUBSCRIPTIONS)
        return tooManySubscriptionsResponse(message.id);
    }
    return undefined;
  }

  /** Sends the server a message of the handshake and waits for its answer. */
  async function repeat(message: { id?: string; method: string; params?: Record<string, unknown> }): Promise<void> {
    const headers = { accept: ACCEPT_BOTH, 'content-type': 'application/json', 'mcp-session-id': id };
    const request = new Request('http://session.invalid/mcp', { method: 'POST', headers });
    const parsedBody = { jsonrpc: '2.0', ...message };
    const response = await transport.handleRequest(request, { parsedBody, ...(opener && { authInfo: opener }) });
    await response.text();
    if (!response.ok) throw new Error(`The session could not be restored: ${message.method} got ${response.status}`);
  }

  return {
    get running() {
      return transport.running;
    },
    async handle(request, body, authInfo) {
      const messages = [body].flat();
      const refused = refuseSubscriptions(messages);
      if (refused) return refused;
      const isInitialized = messages.some((message) => methodOf(message) === 'notifications/initialized');
      if (isInitialized && !(await save({ initialized: true }))) return sessionNotFoundResponse(null);
      return transport.handleRequest(acceptingBoth(request), { parsedBody: body, ...(authInfo && { authInfo }) });
    },
    async restore({ initialize, initialized, logLevel, subscriptions: uris }) {
      transport.muted = true;
      await repeat({ id: 'initialize', method: 'initialize', params: initialize });
      if (initialized) await repeat({ method: 'notifications/initialized' });
      if (logLevel) await repeat({ id: 'logging/setLevel', method: 'logging/setLevel', params: { level: logLevel } });
      for (const uri of uris) await repeat({ id: uri, method: 'resources/subscribe', params: { uri } });
      transport.muted = false;
    },
    close: () => server.close(),
  };
}
