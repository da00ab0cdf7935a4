/**
 * The stream that GET opens, for messages that belong to no call.
 *
 * Any node may have something to say on it, but only the node with the newest connection sends: it holds the stream, follows
 * the log, and takes from it what nobody has been sent.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#listening-for-messages-from-the-server
 */
import { parseEventId } from '../contracts/event-id.ts';
import type { LoggedEvent } from '../contracts/event-log.ts';
import { thenOf, type Awaitable, type EagerQueue } from '../lib/task-queue.ts';
import { GET_STREAM_ID, type Appended, type StreamAppend, type StreamLog } from './stream-log.ts';
import type { Stream } from './streams.ts';

/** Options for {@link GetStream}. */
export interface GetStreamOptions {
  log: StreamLog;
  /** Runs one task at a time. */
  inOrder: EagerQueue;
  /** Gives the stream a connection in place of the one it may still have. */
  connect: (stream: Stream) => Response;
}

/** The stream of one session, as far as this process sends it. */
export class GetStream {
  readonly stream: Stream = { id: GET_STREAM_ID };
  /** The last change that the client knew of when the newest connection was opened, according to the log. */
  told = 0;
  /** Whether its last connection has ended because another one, perhaps on another node, has taken over. */
  isTakenOver = false;
  readonly #options: GetStreamOptions;
  /** Names the newest connection here. */
  #holder = '';
  /** The number of the last event that it has got from the log. */
  #taken = 0;
  /** The id that the client can resume from if nothing is sent, until it has been sent. */
  #primed: string | undefined;
  #isWoken = false;

  constructor(options: GetStreamOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.stream.connection !== undefined;
  }

  /**
   * Connects it, and sends what has been waiting. Runs within `inOrder`.
   *
   * @param isPrimed - Whether the client reads events without data.
   */
  async open(isPrimed: boolean): Promise<Response | undefined> {
    const response = await this.#takeOver();
    // Before anything is taken, so that the client can resume from it whatever is appended meanwhile. Without an id to begin
    // with, messages between a break before the first event and the next GET would be lost.
    if (isPrimed) this.#primed = (await this.#append(undefined, {})).id;
    if (!(await this.#sendWaiting())) this.stream.connection?.comment();
    return response;
  }

  /** Connects it, and sends what followed an event; `undefined` if the log cannot tell all of it. Runs within `inOrder`. */
  async resume(lastEventId: string): Promise<Response | undefined> {
    const response = await this.#takeOver(lastEventId);
    if (!response) this.#end();
    else if (!(await this.#sendWaiting())) this.stream.connection?.comment();
    return response;
  }

  /** Logs a message; whoever holds the stream sends it. */
  say(data: string): Awaitable<void> {
    const onappended = ({ id }: Appended) => {
      // Without the log, nobody else hears of it.
      if (id === undefined) this.stream.connection?.send({ id, data });
    };
    return this.#options.inOrder(() =>
      thenOf(this.#options.log.append(GET_STREAM_ID, data, { mayBeLost: true }), onappended),
    );
  }

  /**
   * Logs a message, if the stream has a connection here; resolves to whether it has.
   *
   * @param told - The last change that the client knows of with this message.
   */
  async sayIfConnected(data: string, told: number | undefined): Promise<boolean> {
    return this.#options.inOrder(async () => {
      if (!this.isConnected) return false;
      const { id, isRefused } = await this.#append(data, { mayBeLost: true, told });
      if (isRefused) this.#end();
      else if (id === undefined) this.stream.connection?.send({ id, data });
      return !isRefused;
    });
  }

  /** To be called when the log has news of the stream: sends what there is, if the stream has a connection here. */
  wake(): void {
    if (this.#isWoken || !this.isConnected) return;
    this.#isWoken = true;
    void this.#options.inOrder(() => {
      this.#isWoken = false;
      return this.#sendWaiting();
    });
  }

  /** Connects it as the newest connection; `undefined` if the log cannot tell all that followed an event. */
  async #takeOver(lastEventId?: string): Promise<Response | undefined> {
    const holder = crypto.randomUUID();
    const held = await this.#options.log.hold(holder, lastEventId);
    if (!held) return undefined;
    this.#holder = holder;
    this.told = held.told;
    this.#taken = held.taken;
    this.#primed = undefined;
    this.isTakenOver = false;
    return this.#options.connect(this.stream);
  }

  /** Logs an event, unless another connection has taken over. */
  #append(data: string | undefined, how: StreamAppend): Awaitable<Appended> {
    return this.#options.log.append(GET_STREAM_ID, data, { holder: this.#holder, ...how });
  }

  /** Sends what nobody has been sent, or at least the id to begin with; resolves to whether anything was sent. */
  #sendWaiting(): Awaitable<boolean> {
    if (!this.isConnected) return false;
    return thenOf(this.#options.log.take(this.#holder, this.#taken), (events) => this.#send(events));
  }

  #send(events: LoggedEvent[] | 'unavailable' | undefined): boolean {
    // The log may have given events away nevertheless: they are taken again when there is news.
    if (events === 'unavailable') return false;
    if (!events) {
      this.#end();
      return false;
    }
    const primed = this.#primed;
    this.#primed = undefined;
    const last = events.at(-1);
    if (!last && primed === undefined) return false;
    this.stream.isResumable = true;
    if (last) this.#taken = parseEventId(last.id)?.number ?? this.#taken;
    // Not along with events: whoever resumed from its id would miss those that were appended before it.
    else this.stream.connection?.send({ id: primed, data: undefined });
    for (const event of events) this.stream.connection?.send(event);
    return true;
  }

  /** Ends the connection: another has taken over, or the client has given up this one. */
  #end(): void {
    this.isTakenOver = true;
    this.stream.connection?.end();
  }
}
