/** The event log as the streams of one session see it. `sessions/session-events.ts` implements it. */
import type { RequestId } from '@modelcontextprotocol/server';
import type { Awaitable } from '../lib/task-queue.ts';
import type { Held, LaterEvents, LoggedEvent } from '../contracts/event-log.ts';

/** The stream that a GET request opens, in the log. */
export const GET_STREAM_ID = 'get';

/** How an event is appended; see `AppendOptions` in the contract of the log. */
export interface StreamAppend {
  mayBeLost?: boolean;
  /** The calls that the stream has yet to answer. */
  owes?: RequestId[] | undefined;
  settles?: RequestId | undefined;
  holder?: string;
  told?: number | undefined;
}

/** What became of an event. */
export interface Appended {
  /** Its id; `undefined` if it is not in the log. */
  id: string | undefined;
  /** Whether the log refuses it, because another node has taken over, rather than being unavailable. */
  isRefused: boolean;
}

/** What a client has missed. */
export interface Missed extends Omit<LaterEvents, 'owed'> {
  /** The calls that nobody will answer any more, if the node that ran them is gone; otherwise `undefined`. */
  abandoned: RequestId[] | undefined;
}

/** The log of one session's events. */
export interface StreamLog {
  /** Whether an event could not be appended, and the log still has those before it. */
  readonly hasGap: boolean;
  /** Has the log forget the events before a gap, so that nobody resumes across it. Never rejects. */
  mend(): Promise<void>;
  /** Never rejects. */
  append(streamId: string, data: string | undefined, how?: StreamAppend): Awaitable<Appended>;
  /** Never rejects. */
  end(streamId: string): Awaitable<void>;
  /** Rejects if the log is unavailable. */
  after(eventId: string): Promise<Missed | undefined>;
  /** Makes `holder` the connection of the stream of GET; see the contract. Rejects if the log is unavailable. */
  hold(holder: string, eventId?: string): Promise<Held | undefined>;
  /**
   * What followed an event, named by its number, on the stream of GET; `undefined` if another connection has taken over.
   * Never rejects.
   */
  take(holder: string, after: number): Awaitable<LoggedEvent[] | 'unavailable' | undefined>;
  /** Calls `listener` with the id of a stream that has news. Rejects if the log is unavailable. */
  follow(listener: (streamId: string) => void): Promise<() => void>;
  /** Logs nothing from now on. */
  close(): Promise<void>;
}
