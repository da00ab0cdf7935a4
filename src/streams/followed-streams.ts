/**
 * The streams that a client has resumed here although their calls run on another node. What that node appends to the log is
 * sent; if the node is gone, the calls that it owed are answered with an error.
 */
import type { EagerQueue } from '../lib/task-queue.ts';
import { cutOffError } from '../protocol/errors.ts';
import { jsonText } from '../protocol/json.ts';
import type { Missed, StreamLog } from './stream-log.ts';
import type { Stream } from './streams.ts';

interface Followed {
  stream: Stream;
  /** The last event that was sent. */
  lastId: string;
  /** Whether news of it is about to be sent. */
  isWoken: boolean;
}

/** The streams that one transport follows. */
export class FollowedStreams {
  readonly #log: StreamLog;
  readonly #inOrder: EagerQueue;
  readonly #streams = new Map<string, Followed>();

  /** @param inOrder - Runs one task at a time. */
  constructor(log: StreamLog, inOrder: EagerQueue) {
    this.#log = log;
    this.#inOrder = inOrder;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Sends what a client has missed, and then what follows, until the stream ends. Runs within `inOrder`. */
  async add(stream: Stream, lastId: string, missed: Missed): Promise<void> {
    // The client has lost the connection that it resumed the stream on before, even if nobody has noticed yet.
    this.#streams.get(stream.id)?.stream.connection?.end();
    const followed = { stream, lastId, isWoken: false };
    this.#streams.set(stream.id, followed);
    await this.#pass(followed, missed);
  }

  /** To be called when a stream has lost its connection. */
  remove(stream: Stream): void {
    if (this.#streams.get(stream.id)?.stream === stream) this.#streams.delete(stream.id);
  }

  /** To be called when the log has news of a stream. */
  wake(streamId: string): void {
    const followed = this.#streams.get(streamId);
    if (!followed || followed.isWoken) return;
    followed.isWoken = true;
    void this.#inOrder(async () => {
      followed.isWoken = false;
      if (this.#streams.get(streamId) !== followed) return;
      const missed = await this.#log.after(followed.lastId).catch(() => 'unavailable' as const);
      // It will be woken again when the log is back.
      if (missed === 'unavailable') return;
      // The log has forgotten the stream, so that the client learns when it resumes it.
      if (missed) await this.#pass(followed, missed);
      else followed.stream.connection?.end();
    });
  }

  /** Looks after all of them: the nodes that run their calls may be gone. */
  wakeAll(): void {
    for (const streamId of this.#streams.keys()) this.wake(streamId);
  }

  async #pass(followed: Followed, { events, hasEnded, abandoned }: Missed): Promise<void> {
    const { stream } = followed;
    for (const event of events) {
      stream.connection?.send(event);
      followed.lastId = event.id;
    }
    if (hasEnded) {
      this.#streams.delete(stream.id);
      stream.connection?.end();
    } else if (abandoned) {
      // The log takes each answer once, whoever else does the same. This stream hears of them like any other.
      for (const id of abandoned) await this.#log.append(stream.id, jsonText(cutOffError(id)), { settles: id });
      await this.#log.end(stream.id);
    }
  }
}
