/**
 * A session in memory: one server on one transport, for a new session or one restored from its record.
 *
 * `sessions.ts` decides which sessions exist. A live session keeps its record up to date: it saves every change to the
 * session before the client hears that it worked, so that `restore` can repeat the change to another server.
 */
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  LoggingLevel,
  LoggingMessageNotificationParams,
  McpServer,
  Server,
} from '@modelcontextprotocol/server';
import type { Caller } from '../auth/caller.ts';
import type { ChangeLog } from '../contracts/change-log.ts';
import type { BuildServer } from '../context/context.ts';
import { announcedEvents, answerSubscriptions, areFewEnough } from '../context/subscriptions.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Accepted } from '../protocol/accept.ts';
import { tooManySubscriptionsResponse } from '../protocol/errors.ts';
import { jsonText } from '../protocol/json.ts';
import { isLogged, logMessage } from '../protocol/log-message.ts';
import { describeIncoming, type Incoming } from '../protocol/incoming.ts';
import { errorOf, type Answer, type CallDeadlines } from '../transport/call.ts';
import type { Exchange, McpRequest } from '../transport/exchange.ts';
import { HttpTransport } from '../transport/http-transport.ts';
import { protocolOf } from '../transport/single-exchange.ts';
import { ChangeListener, type Audience } from './change-listener.ts';
import type { EventLog } from '../contracts/event-log.ts';
import { createSessionEvents } from './session-events.ts';
import type { SessionChanges, SessionRecord } from '../contracts/session-store.ts';

const LIST_CHANGED = /^notifications\/\w+\/list_changed$/;
/** When a handshake is repeated, nobody reads a stream. */
const JSON_ONLY: Accepted = { json: true, eventStream: false };

/** Options for {@link createLiveSession}. */
export interface LiveSessionOptions {
  id: string;
  /** Builds the session's server. */
  buildServer: BuildServer;
  /** The caller whose request activates the session. */
  caller: Caller;
  eventLog: EventLog;
  changes: ChangeLog;
  audience: Audience;
  /** What the client has been told on its GET stream so far. */
  told: Pick<SessionRecord, 'toldChange' | 'sentOnGet'>;
  callsInFlight: CallsInFlight;
  clock: Clock;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** When the answer to a call becomes a stream, and when a call that reports no progress is cancelled. */
  deadlines: CallDeadlines;
  /** Most calls that may run at a time. @default any number */
  maxCalls?: number;
  /** Saves changes in the record. Resolves to `false` if the record is gone. */
  save: (changes: SessionChanges) => Promise<boolean>;
  /** Receives the errors that the SDK reports but does not answer. */
  onerror: (error: Error) => void;
  /** Called when a stream has lost its connection, and when a call has ended whose connection was lost before. */
  ondetach: () => void;
}

/** Builds a server for the session and connects it. */
export async function createLiveSession(options: LiveSessionOptions): Promise<LiveSession> {
  const { id, caller } = options;
  const server = await options.buildServer({ era: 'legacy', caller, sessionId: id });
  answerSubscriptions(protocolOf(server));
  const session = new LiveSession(options, server);
  await session.connect();
  return session;
}

/** A session that can answer requests. */
export class LiveSession {
  readonly #options: LiveSessionOptions;
  readonly #server: McpServer | Server;
  readonly #transport: HttpTransport;
  readonly #listener: ChangeListener;
  readonly #subscriptions = new Set<string>();
  #logLevel: LoggingLevel | undefined;
  /** Whether the GET stream has had a connection since what it was told was last saved. */
  #wasListening = false;
  /** How many questions the client has yet to answer. An answer to none of them counts too, so there may be more. */
  #questions = 0;
  /** Whether a POST has arrived. */
  hasAnswered = false;
  /** Whether its server has told the client that a list had changed, so that it may differ from a new server. */
  hasChanged = false;

  /** @param server - Built for this session alone, and not connected yet. */
  constructor(options: LiveSessionOptions, server: McpServer | Server) {
    this.#options = options;
    this.#server = server;
    this.#transport = new HttpTransport({
      ...options,
      sessionId: options.id,
      sentOnGet: options.told.sentOnGet,
      events: createSessionEvents({ ...options, sessionId: options.id }),
      savingOf: (request) => this.#savingOf(request),
      onsay: (method) => this.#note(method),
      ondetach: () => {
        if (!this.#transport.streams.isListening) void this.#stopListening();
        options.ondetach();
      },
    });
    this.#transport.onerror = options.onerror;
    this.#listener = new ChangeListener({
      ...options,
      told: options.told.toldChange,
      send: (message) => this.#transport.streams.sendIfListening(jsonText(message)),
      onerror: (error) => options.onerror(errorOf(error)),
    });
  }

  /** Connects the server, once. */
  async connect(): Promise<void> {
    await this.#server.connect(this.#transport);
    for (const event of announcedEvents(protocolOf(this.#server))) this.#listener.add(event);
  }

  /** Whether a stream is connected or a call is unanswered, even if nobody is listening for the answer any more. */
  get isAttached(): boolean {
    return this.#transport.isAttached;
  }

  /** Whether a call is unanswered, or a question to the client. */
  get isBusy(): boolean {
    return this.#transport.isCalling || this.#questions > 0;
  }

  /** Answers a POST. */
  answer(exchange: Exchange): Answer | Promise<Answer> {
    this.hasAnswered = true;
    const { messages } = exchange.incoming;
    if (this.#questions > 0) this.#forgetQuestions(messages.filter((message) => !('method' in message)).length);
    const refusal = this.#refuseSubscriptions(exchange.incoming);
    if (refusal) return refusal;
    if (!messages.some(isInitialized)) return this.#transport.answer(exchange);
    return this.#options
      .save({ initialized: true })
      .then((isSaved) => (isSaved ? this.#transport.answer(exchange) : undefined));
  }

  /** Answers a GET: opens or resumes a stream. */
  async openStream(request: McpRequest): Promise<Answer> {
    const response = await this.#transport.openStream(request);
    if (response?.ok === false) await this.#forgetTold();
    else if (this.#transport.streams.isListening) {
      this.#wasListening = true;
      void this.#listener.listen();
    }
    return response;
  }

  /** Sends a log message on the GET stream, if the client's level allows it. */
  async log(params: LoggingMessageNotificationParams): Promise<void> {
    if (!protocolOf(this.#server).getCapabilities().logging || !isLogged(params.level, this.#logLevel)) return;
    const { streams } = this.#transport;
    await streams.send(streams.ofGet, jsonText(logMessage(params)), true);
  }

  /** Repeats to the server what the client has told the session before, according to `record`. */
  async restore({ initialize, initialized, logLevel, subscriptions }: SessionRecord): Promise<void> {
    this.#transport.isRestoring = true;
    const params = JSON.parse(initialize) as Record<string, unknown>;
    await this.#repeat({ id: 'initialize', method: 'initialize', params });
    if (initialized) await this.#repeat({ method: 'notifications/initialized' });
    if (logLevel) await this.#repeat({ id: 'level', method: 'logging/setLevel', params: { level: logLevel } });
    for (const uri of subscriptions) await this.#repeat({ id: uri, method: 'resources/subscribe', params: { uri } });
    this.#transport.isRestoring = false;
  }

  /** Ends its streams and cancels its calls. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.#stopListening();
  }

  /**
   * A stream cannot be resumed, and nobody knows what the client has missed. That is saved at once: the client may open
   * its next GET stream on another node, or when this server has left memory.
   */
  async #forgetTold(): Promise<void> {
    this.#listener.forget();
    await this.#save({ toldChange: 0, sentOnGet: undefined });
  }

  /** Saves what the client has been told on its GET stream. */
  async #stopListening(): Promise<void> {
    this.#listener.stop();
    if (!this.#wasListening) return;
    this.#wasListening = false;
    await this.#save({ toldChange: this.#listener.told, sentOnGet: this.#transport.streams.sentOnGet });
  }

  /** Takes note of what the server says on its own. */
  #note(method: string): void {
    this.hasChanged ||= LIST_CHANGED.test(method);
    if (!method.startsWith('notifications/')) this.#questions += 1;
    // It waits no more, since nobody answered in time.
    if (method === 'notifications/cancelled') this.#forgetQuestions(1);
  }

  #forgetQuestions(count: number): void {
    this.#questions = Math.max(this.#questions - count, 0);
  }

  /** Sends the server a message of the handshake and waits for its answer. */
  async #repeat(message: { id?: string; method: string; params?: Record<string, unknown> }): Promise<void> {
    const incoming = describeIncoming({ jsonrpc: '2.0', ...message });
    const response = await this.#transport.answer({ incoming, accepted: JSON_ONLY, caller: this.#options.caller });
    if (!response?.ok) throw new Error(`The session could not be restored: ${message.method} got ${response?.status}`);
  }

  /** Returns what saves the change that a request makes to the session, if the change must outlive the server. */
  #savingOf({ method, params }: JSONRPCRequest): (() => Promise<boolean>) | undefined {
    switch (method) {
      case 'logging/setLevel':
        return () => {
          this.#logLevel = params?.['level'] as LoggingLevel;
          return this.#save({ logLevel: this.#logLevel });
        };
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return () => {
          const isWanted = method === 'resources/subscribe';
          const uri = params?.['uri'] as string;
          this.#subscriptions[isWanted ? 'add' : 'delete'](uri);
          this.#listener[isWanted ? 'add' : 'remove']({ kind: 'resource_updated', uri });
          return this.#save({ subscriptions: [...this.#subscriptions] });
        };
      default:
        return undefined;
    }
  }

  /** Resolves to whether the changes are saved. While a record is being restored, they are in it already. */
  async #save(changes: SessionChanges): Promise<boolean> {
    try {
      return this.#transport.isRestoring || (await this.#options.save(changes));
    } catch (error) {
      this.#options.onerror(errorOf(error));
      return false;
    }
  }

  /** Refuses a POST with more subscriptions than a record keeps. */
  #refuseSubscriptions({ requests }: Incoming): Response | undefined {
    const subscribing = requests.filter(({ method }) => method === 'resources/subscribe');
    if (subscribing.length === 0) return undefined;
    const wanted = new Set(this.#subscriptions);
    for (const { id, params } of subscribing) {
      const uri = params?.['uri'];
      if (typeof uri !== 'string') continue;
      wanted.add(uri);
      if (!areFewEnough(wanted)) return tooManySubscriptionsResponse(id);
    }
    return undefined;
  }
}

function isInitialized(message: JSONRPCMessage): boolean {
  return 'method' in message && message.method === 'notifications/initialized';
}
