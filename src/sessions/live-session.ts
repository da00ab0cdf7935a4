/**
 * A session in memory: one server on one transport, new or built from a record.
 *
 * `sessions.ts` decides which of them exist. Each keeps its record true: what shapes the session is saved
 * before the client hears that it worked, so that `restore` can repeat it to another server.
 */
import { isJSONRPCRequest, type AuthInfo, type JSONRPCRequest, type LoggingLevel } from '@modelcontextprotocol/server';
import type { Accepted } from '../protocol/accept.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { CreateServer } from '../tools.ts';
import type { Deadlines } from '../lib/deadlines.ts';
import { closeServer } from '../shortcuts/ended-server.ts';
import { tooManySubscriptionsResponse } from '../protocol/errors.ts';
import { messagesOf, methodOf } from '../protocol/json.ts';
import type { Answer } from '../transport/call.ts';
import type { EventLog } from './event-log.ts';
import type { Exchange } from '../protocol/incoming.ts';
import type { SessionChanges, SessionRecord } from './session-store.ts';
import { createSessionEvents } from './session-events.ts';
import { SessionTransport } from '../transport/http-transport.ts';

/** Subscriptions that a record keeps, and the longest URI among them. */
const MAX_SUBSCRIPTIONS = 500;
const MAX_URI_CHARS = 2048;

/** What {@link createLiveSession} is made from. */
export interface LiveSessionOptions {
  id: string;
  /** Builds the session's server. */
  createServer: CreateServer;
  /** The caller whose request brings the session to life. */
  authInfo: AuthInfo | undefined;
  eventLog: EventLog;
  callsInFlight: CallsInFlight;
  clock: Pick<Clock, 'every'>;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** When the answer to a call that takes longer becomes a stream. */
  streamDeadlines: Deadlines;
  /** Puts what shapes the session into its record; resolves to `false` when there is none any more. */
  save: (changes: SessionChanges) => Promise<boolean>;
  /** Takes what the SDK reports beside its answers. */
  onerror: (error: Error) => void;
  /** Called when a stream has lost its connection, and when a call has ended that had lost it before. */
  ondetach: () => void;
}

/** A session that can answer. */
export interface LiveSession {
  /** Whether a stream is open, or a call without an answer, whether or not anybody still listens for it. */
  isAttached(): boolean;
  /** Serves a POST. */
  post(body: unknown, exchange: Exchange): Answer | Promise<Answer>;
  /** Serves a GET. */
  get(request: Request): Promise<Answer>;
  /** Repeats to the server what `record` says was said. */
  restore(record: SessionRecord): Promise<void>;
  /** Ends its streams and cancels its calls. */
  close(): Promise<void>;
}

/** Where a handshake is repeated, nobody reads. */
const JSON_ONLY: Accepted = { json: true, eventStream: false };

/** Builds a server for the session and connects it. */
export async function createLiveSession(options: LiveSessionOptions): Promise<LiveSession> {
  const { id, createServer, authInfo, save } = options;
  const subscriptions = new Set<string>();
  const events = createSessionEvents({ ...options, sessionId: id });
  const transport = new SessionTransport({ ...options, sessionId: id, events, savingOf });
  transport.onerror = options.onerror;
  const server = await createServer({ era: 'legacy', ...(authInfo && { authInfo }) });
  await server.connect(transport);

  function savingOf({ method, params }: JSONRPCRequest): (() => Promise<boolean>) | undefined {
    switch (method) {
      case 'logging/setLevel':
        return () => remember({ logLevel: params?.['level'] as LoggingLevel });
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return () => {
          subscriptions[method === 'resources/subscribe' ? 'add' : 'delete'](params?.['uri'] as string);
          return remember({ subscriptions: [...subscriptions] });
        };
      default:
        return undefined;
    }
  }

  /** Resolves to whether it could be saved. What is repeated from the record is in it already. */
  async function remember(changes: SessionChanges): Promise<boolean> {
    try {
      return events.isMuted || (await save(changes));
    } catch (error) {
      options.onerror(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
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
    const response = await transport.post({ jsonrpc: '2.0', ...message }, { accepted: JSON_ONLY, authInfo });
    if (!response?.ok) throw new Error(`The session could not be restored: ${message.method} got ${response?.status}`);
  }

  return {
    // No accessor: V8 would keep those of a literal, and with them the session, until the next full collection.
    isAttached: () => transport.isAttached,
    post(body, exchange) {
      const messages = messagesOf(body);
      const refused = refuseSubscriptions(messages);
      if (refused) return refused;
      const isInitialized = messages.some((message) => methodOf(message) === 'notifications/initialized');
      if (!isInitialized) return transport.post(body, exchange);
      return save({ initialized: true }).then((isSaved) => (isSaved ? transport.post(body, exchange) : undefined));
    },
    get: (request) => transport.get(request),
    async restore({ initialize, initialized, logLevel, subscriptions: uris }) {
      events.isMuted = true;
      const params = JSON.parse(initialize) as Record<string, unknown>;
      await repeat({ id: 'initialize', method: 'initialize', params });
      if (initialized) await repeat({ method: 'notifications/initialized' });
      if (logLevel) await repeat({ id: 'logging/setLevel', method: 'logging/setLevel', params: { level: logLevel } });
      for (const uri of uris) await repeat({ id: uri, method: 'resources/subscribe', params: { uri } });
      events.isMuted = false;
    },
    close: () => closeServer(server),
  };
}
