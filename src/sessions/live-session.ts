/**
 * A session in memory: one server on one transport, for a new session or one restored from its record.
 *
 * `sessions.ts` decides which sessions exist. Other nodes may have the same session in memory: what a client tells one of
 * them reaches the others by its record (`session-copy.ts`), the event log, or the relay.
 */
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  LoggingMessageNotificationParams,
  McpServer,
  Server,
} from '@modelcontextprotocol/server';
import type { Caller } from '../auth/caller.ts';
import type { BuildServer } from '../context/context.ts';
import { announcedEvents, answerSubscriptions } from '../context/subscriptions.ts';
import type { ChangeLog } from '../contracts/change-log.ts';
import { parseEventId } from '../contracts/event-id.ts';
import type { EventLog } from '../contracts/event-log.ts';
import type { Relay, RelayMessage } from '../contracts/relay.ts';
import type { SessionChanges, SessionRecord } from '../contracts/session-store.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import { jsonText } from '../protocol/json.ts';
import { logMessage } from '../protocol/log-message.ts';
import { GET_STREAM_ID } from '../streams/stream-log.ts';
import type { StreamsOptions } from '../streams/streams.ts';
import type { RequestReport } from '../telemetry/request-report.ts';
import { errorOf, type Answer } from '../transport/call.ts';
import type { CallsOptions } from '../transport/calls.ts';
import type { Exchange, McpRequest } from '../transport/exchange.ts';
import { HttpTransport } from '../transport/http-transport.ts';
import { protocolOf } from '../transport/single-exchange.ts';
import { ChangeListener, type Audience } from './change-listener.ts';
import { SessionCopy } from './session-copy.ts';
import { createSessionEvents } from './session-events.ts';

const LIST_CHANGED = /^notifications\/\w+\/list_changed$/;

/** What the live sessions of a process share. */
export interface LiveSessionParts extends Pick<StreamsOptions, 'clock' | 'keepAliveMs' | 'openStreams'>, CallsOptions {
  /** Builds the server of a session. */
  buildServer: BuildServer;
  eventLog: EventLog;
  changes: ChangeLog;
  audience: Audience;
  relay: Relay;
  callsInFlight: CallsInFlight;
}

/** Options for {@link createLiveSession}. */
export interface LiveSessionOptions extends LiveSessionParts {
  id: string;
  /** The caller whose request activates the session. */
  caller: Caller;
  /** What the client has told the session before; `undefined` if it is new. */
  record: SessionRecord | undefined;
  /** Saves changes in the record. Resolves to its new version, or to `undefined` if the record is gone. */
  save: (changes: SessionChanges) => Promise<number | undefined>;
  /** The record as it is now; `undefined` if it is gone. */
  load: () => Promise<SessionRecord | undefined>;
  /** Called when the session has ended on another node. */
  onended: () => void;
  /** Receives the errors that the SDK reports but does not answer. */
  onerror: (error: Error) => void;
  /** Called when a stream has lost its connection, and when a call has ended whose connection was lost before. */
  ondetach: () => void;
}

/** Builds a server for the session, connects it, and repeats to it what is in the record. */
export async function createLiveSession(options: LiveSessionOptions): Promise<LiveSession> {
  const { id, caller } = options;
  const server = await options.buildServer({ era: 'legacy', caller, sessionId: id });
  answerSubscriptions(protocolOf(server));
  const session = new LiveSession(options, server);
  try {
    await session.connect();
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

/** A session that can answer requests. */
export class LiveSession {
  readonly #options: LiveSessionOptions;
  readonly #server: McpServer | Server;
  readonly #transport: HttpTransport;
  readonly #listener: ChangeListener;
  readonly #copy: SessionCopy;
  #leave: (() => void) | undefined;
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
    const { id, caller, save, eventLog, relay, changes, audience, ondetach, onerror } = options;
    const { clock, keepAliveMs, openStreams, deadlines, maxCalls, callsInFlight } = options;
    const announce = () => relay.send(id, { kind: 'changed' }).catch((error: unknown) => onerror(errorOf(error)));
    const onsubscription = (uri: string, isWanted: boolean, isRepeated: boolean) =>
      isWanted
        ? this.#listener.add({ kind: 'resource_updated', uri }, isRepeated)
        : this.#listener.remove({ kind: 'resource_updated', uri });
    this.#copy = new SessionCopy({ caller, save, announce, onsubscription, onerror }, () => this.#transport);
    const savingOf = (request: JSONRPCRequest, isRepeated: boolean) => this.#copy.savingOf(request, isRepeated);
    const onsay = (method: string) => this.#note(method);
    const detach = () => {
      if (!this.#transport.streams.isListening) void this.#stopListening();
      ondetach();
    };
    const events = createSessionEvents({ sessionId: id, eventLog, relay, onerror, onmend: ondetach });
    const shared = { clock, keepAliveMs, openStreams, deadlines, maxCalls, callsInFlight };
    this.#transport = new HttpTransport({ sessionId: id, events, savingOf, onsay, ondetach: detach, ...shared });
    const send = async (message: JSONRPCNotification, told: number | undefined) => {
      const { ofGet } = this.#transport.streams;
      return (await ofGet?.sayIfConnected(jsonText(message), told)) === true;
    };
    const onchangeerror = (error: unknown) => onerror(errorOf(error));
    this.#listener = new ChangeListener({ changes, audience, send, onerror: onchangeerror });
  }

  /** Connects the server, once, and hears from other nodes from now on. */
  async connect(): Promise<void> {
    const { relay, id, record } = this.#options;
    const hearInOrder = createTaskQueue();
    // What other nodes say waits for the handshake: a server may never answer what it is asked before.
    await hearInOrder(async () => {
      this.#leave = await relay.join(id, (message) => void hearInOrder(async () => this.#hear(message)));
      await this.#server.connect(this.#transport);
      for (const event of announcedEvents(protocolOf(this.#server))) this.#listener.add(event);
      if (record) await this.#copy.restore(record);
    });
  }

  /** Whether a stream is connected, a call is unanswered, even if nobody is listening for the answer any more, or the log has a gap. */
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
    const { messages, requests } = exchange.incoming;
    const refusal = this.#copy.refuseSubscriptions(exchange.incoming);
    if (refusal) return refusal;
    if (requests.length === messages.length) return this.#transport.answer(exchange);
    return this.#answerOthers(exchange);
  }

  /**
   * Answers a GET: opens or resumes a stream.
   *
   * @param toldChange - What the record says of the changes that the client has been told.
   */
  async openStream(request: McpRequest, toldChange: number): Promise<Answer> {
    const { ofGet } = this.#transport.streams;
    const before = ofGet?.stream.connection;
    const response = await this.#transport.openStream(request);
    const lastEventId = request.request.headers.get('last-event-id') ?? '';
    if (response?.ok === false && parseEventId(lastEventId)?.streamId === GET_STREAM_ID) {
      // Nobody knows what the client has missed: its next GET stream, perhaps on another node, begins with all that has changed.
      await this.#save({ toldChange: 0 });
    } else if (ofGet?.isConnected && ofGet.stream.connection !== before) {
      this.#wasListening = true;
      void this.#listener.listen(Math.max(toldChange, ofGet.told));
    }
    return response;
  }

  /** Sends a log message on the GET stream, if the server has announced logging. */
  async log(params: LoggingMessageNotificationParams): Promise<void> {
    if (!protocolOf(this.#server).getCapabilities().logging) return;
    await this.#transport.streams.sayOnGet(jsonText(logMessage(params)));
  }

  /** Takes down who its client is. */
  describe(report: RequestReport): void {
    report.client = protocolOf(this.#server).getClientVersion();
    report.revision = protocolOf(this.#server).getNegotiatedProtocolVersion();
  }

  /** Whether it has to be brought up to date with a version of its record. */
  isOlderThan(version: number): boolean {
    return this.#copy.isOlderThan(version);
  }

  /** Brings it up to date. */
  update(record: SessionRecord): Promise<void> {
    return this.#copy.update(record);
  }

  /** The same, with the record as it is now. */
  async reload(): Promise<void> {
    const record = await this.#options.load();
    if (record) await this.update(record);
  }

  /** To be called when the record had no newer version after the change with that number. */
  confirm(number: number): void {
    this.#listener.confirm(number);
  }

  /** Looks after the streams that were resumed here although their calls run elsewhere: those nodes may be gone. */
  wakeFollowed(): void {
    this.#transport.streams.wakeFollowed();
  }

  /** Looks after all streams: the log may have been unavailable, and news of them lost. */
  checkStreams(): void {
    this.#transport.streams.check();
    this.#listener.retry();
  }

  /** Answers the calls that are still running with an error. The session goes on elsewhere. */
  cutOffCalls(): Promise<void> {
    return this.#transport.cutOffCalls();
  }

  /** Ends its streams and cancels its calls. */
  async close(): Promise<void> {
    this.#leave?.();
    await this.#server.close();
    await this.#stopListening();
  }

  /** Answers a POST with notifications and answers, some of which may be for the server of another node. */
  async #answerOthers(exchange: Exchange): Promise<Answer> {
    const { messages } = exchange.incoming;
    const forOthers = messages.filter((message) => this.#transport.addresseeOf(message) !== 'here');
    for (const message of forOthers) await this.#options.relay.send(this.#options.id, { kind: 'message', message });
    const answered = messages.filter((message) => !('method' in message) && !forOthers.includes(message));
    this.#forgetQuestions(answered.length);
    if (messages.some(isInitialized) && !(await this.#copy.initialized())) return undefined;
    return this.#transport.answer(exchange);
  }

  /** Takes what another node says. */
  #hear(message: RelayMessage): void {
    switch (message.kind) {
      case 'ended':
        return this.#options.onended();
      case 'changed':
        return void this.reload().catch((error: unknown) => this.#options.onerror(errorOf(error)));
      case 'message':
        if (this.#transport.receive(message.message) && !('method' in message.message)) this.#forgetQuestions(1);
    }
  }

  /** Saves what the client has been told on its GET stream, unless another connection tells it from now on. */
  async #stopListening(): Promise<void> {
    this.#listener.stop();
    if (!this.#wasListening) return;
    this.#wasListening = false;
    if (this.#transport.streams.ofGet?.isTakenOver) return;
    const version = await this.#save({ toldChange: this.#listener.told });
    // Another node may have made subscriptions that this one has not heard of, and changes after them.
    if (this.#copy.isOlderThan(version ?? 0)) await this.#save({ toldChange: this.#listener.toldForCertain });
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

  #save(changes: SessionChanges): Promise<number | undefined> {
    return this.#copy.save(changes).catch((error: unknown) => {
      this.#options.onerror(errorOf(error));
      return undefined;
    });
  }
}

function isInitialized(message: JSONRPCMessage): boolean {
  return 'method' in message && message.method === 'notifications/initialized';
}
