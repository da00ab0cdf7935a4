/**
 * The events of one session in the log, without gaps: an event that a client can resume from is followed by everything
 * that was sent after it.
 */
import { parseEventId } from '../contracts/event-id.ts';
import type { AppendOptions, EventLog, Held, LoggedEvent } from '../contracts/event-log.ts';
import type { Relay } from '../contracts/relay.ts';
import { isPromise, type Awaitable } from '../lib/task-queue.ts';
import { GET_STREAM_ID, type Appended, type Missed, type StreamAppend, type StreamLog } from '../streams/stream-log.ts';
import { errorOf } from '../transport/call.ts';

/** Options for {@link createSessionEvents}. */
export interface SessionEventsOptions {
  sessionId: string;
  eventLog: EventLog;
  /** Knows which nodes are running. */
  relay: Pick<Relay, 'node' | 'isAlive'>;
  /** Receives the errors of the log. */
  onerror: (error: Error) => void;
  /** Called when there is no gap any more. */
  onmend: () => void;
}

/** Makes the view that one session has of the log. */
export function createSessionEvents(options: SessionEventsOptions): StreamLog {
  return new SessionEvents(options);
}

class SessionEvents implements StreamLog {
  /** Set when an event could not be logged. Then the events before it must go too, so that nobody resumes across the gap. */
  hasGap = false;
  readonly #options: SessionEventsOptions;
  #isClosed = false;
  /** Whether a message for the stream of GET could not be logged, so that it was sent without, and the log may have it nevertheless. */
  #mayBeLogged = false;
  /** The last event that was appended here. */
  #last = '';
  #lastNumber = 0;
  #forgetting: Promise<void> | undefined;

  constructor(options: SessionEventsOptions) {
    this.#options = options;
  }

  mend(): Promise<void> {
    return this.#forgetBeforeGap().catch((error: unknown) => this.#report(error));
  }

  append(streamId: string, data: string | undefined, how: StreamAppend = {}): Awaitable<Appended> {
    if (this.#isClosed) return { id: undefined, isRefused: false };
    const { eventLog, sessionId, relay } = this.#options;
    const { mayBeLost, settles, holder, told, owes } = how;
    const options: AppendOptions = {
      mayBeLost,
      settles,
      holder,
      told,
      owes: owes && { node: relay.node, calls: owes },
    };
    const append = () => eventLog.append(sessionId, streamId, data, options);
    const isOfGet = streamId === GET_STREAM_ID && data !== undefined;
    try {
      const id = this.hasGap ? this.#forgetBeforeGap().then(append) : append();
      if (!isPromise(id)) return this.#appended(id);
      return id.then((known) => this.#appended(known)).catch((error: unknown) => this.#notAppended(error, isOfGet));
    } catch (error) {
      return this.#notAppended(error, isOfGet);
    }
  }

  end(streamId: string): Awaitable<void> {
    if (this.#isClosed) return;
    const { eventLog, sessionId } = this.#options;
    try {
      // A stream must not end without the event that is missing: whoever resumes it would take it for complete.
      const ending = this.hasGap ? this.#forgetBeforeGap() : eventLog.end(sessionId, streamId);
      if (isPromise(ending)) return ending.catch((error: unknown) => this.#report(error));
    } catch (error) {
      this.#report(error);
    }
  }

  async after(eventId: string): Promise<Missed | undefined> {
    const { eventLog, sessionId, relay } = this.#options;
    const found = this.hasGap ? undefined : await eventLog.after(sessionId, eventId);
    if (!found) return undefined;
    const { owed, ...missed } = found;
    // Nothing follows the last answer, even if the log could not be told that the stream has ended.
    const hasEnded = missed.hasEnded || owed?.calls.length === 0;
    // Whoever asks does not run these calls, or would know the stream: if this node did, it was before the session left memory.
    const isAbandoned = !owed || owed.node === relay.node || !(await relay.isAlive(owed.node));
    return { ...missed, hasEnded, abandoned: isAbandoned ? (owed?.calls ?? []) : undefined };
  }

  async hold(holder: string, eventId?: string): Promise<Held | undefined> {
    await this.#forgetBeforeGap();
    return this.#options.eventLog.hold(this.#options.sessionId, GET_STREAM_ID, holder, eventId);
  }

  take(holder: string, after: number): Awaitable<LoggedEvent[] | 'unavailable' | undefined> {
    const { eventLog, sessionId } = this.#options;
    const take = () => eventLog.take(sessionId, GET_STREAM_ID, holder, after);
    const onfailed = (error: unknown) => {
      this.#report(error);
      return 'unavailable' as const;
    };
    try {
      const taken = this.#mayBeLogged ? this.#forgetBeforeGap().then(take) : take();
      return isPromise(taken) ? taken.catch(onfailed) : taken;
    } catch (error) {
      return onfailed(error);
    }
  }

  follow(listener: (streamId: string) => void): Promise<() => void> {
    return this.#options.eventLog.follow(this.#options.sessionId, listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.mend();
  }

  #appended(id: string | undefined): Appended {
    if (id !== undefined) this.#requireLater(id);
    return { id, isRefused: id === undefined };
  }

  #notAppended(error: unknown, isOfGet: boolean): Appended {
    this.hasGap = true;
    this.#mayBeLogged ||= isOfGet;
    this.#report(error);
    return { id: undefined, isRefused: false };
  }

  /** Fails if the engine has come back with older data, and gives numbers once more: nobody may resume from those of before. */
  #requireLater(id: string): void {
    // The number is what an id begins with. Most of them are later than the last one, and need not be parsed.
    const number = Number.parseInt(id, 10);
    if (number <= this.#lastNumber && parseEventId(id)?.tag === parseEventId(this.#last)?.tag) {
      throw new Error('The log has gone back');
    }
    this.#last = id;
    this.#lastNumber = number;
  }

  async #forgetBeforeGap(): Promise<void> {
    // Once at a time: the event that comes next must not be forgotten, too.
    if (this.hasGap) await (this.#forgetting ??= this.#forget().finally(() => (this.#forgetting = undefined)));
  }

  async #forget(): Promise<void> {
    await this.#options.eventLog.delete(this.#options.sessionId);
    this.hasGap = false;
    this.#mayBeLogged = false;
    this.#options.onmend();
  }

  #report(error: unknown): void {
    this.#options.onerror(errorOf(error));
  }
}
