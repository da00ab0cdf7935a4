/**
 * Keeps what has changed in Redis, and tells the listeners of all nodes.
 *
 * Listeners on the node that publishes hear of a change as those on the others do, in the order of its number. While Redis
 * is unavailable, only they hear of it, and the others when it is back. A change may then be heard of twice.
 */
import { InMemoryServerEventBus, type ServerEvent } from '@modelcontextprotocol/server';
import { isKept, subjectOf } from '../context/subscriptions.ts';
import type { ChangeLog, Changes } from '../contracts/change-log.ts';
import type { Clock } from '../lib/clock.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import { CHANGES_SINCE, PUBLISH_CHANGE } from '../lua/change-scripts.ts';
import type { Channels } from './channels.ts';
import type { Connection } from './connection.ts';
import { CHANGES_KEYS, changesChannel } from '../lua/keys.ts';

/** How long to wait before changes are published again that Redis has not taken. */
const RETRY_MS = 1000;
/** What a client may have missed if nobody knows what has changed. */
const LISTS = ['tools_list_changed', 'prompts_list_changed', 'resources_list_changed'] as const;

/** Options for {@link createRedisChangeLog}. */
export interface RedisChangeLogOptions {
  connection: Connection;
  channels: Channels;
  clock: Pick<Clock, 'now' | 'every'>;
  /** Most lists and resources whose last change is kept. @default 10,000 */
  maxChanges?: number;
  /** Receives the errors of listeners. */
  onerror?: (error: Error) => void;
}

/** A log that listens. */
export interface RedisChangeLog extends ChangeLog {
  /** Stops listening. What is not published yet is lost. */
  close(): void;
}

/** Makes a log, and listens. Rejects if that is not possible now. */
export async function createRedisChangeLog(options: RedisChangeLogOptions): Promise<RedisChangeLog> {
  const log = new Log(options);
  await log.listen();
  return log;
}

class Log implements RedisChangeLog {
  readonly #options: Required<Pick<RedisChangeLogOptions, 'maxChanges'>> & RedisChangeLogOptions;
  readonly #bus: InMemoryServerEventBus;
  readonly #inOrder = createTaskQueue();
  /** What is being published, by subject, and what is to be published after it: only the last matters. */
  readonly #publishing = new Map<string, ServerEvent | undefined>();
  /** What Redis has not taken yet, by subject. */
  readonly #unpublished = new Map<string, ServerEvent>();
  #stopRetrying: (() => void) | undefined;
  /** Whether listeners may have missed changes after the last, whatever they have heard since. */
  #hasGap = false;
  #stopCatchingUp: (() => void) | undefined;
  #leave: (() => void) | undefined;
  #last = 0;
  /** The number before the first of the log that listeners hear. Another log has another. */
  #start = '';

  constructor(options: RedisChangeLogOptions) {
    this.#options = { maxChanges: 10_000, ...options };
    this.#bus = new InMemoryServerEventBus(options.onerror);
  }

  get last(): number {
    return this.#last;
  }

  async listen(): Promise<void> {
    const { channels, connection } = this.#options;
    this.#leave = await channels.follow(changesChannel(connection.db), {
      onmessage: (text) => void this.#inOrder(() => this.#hear(text)),
      ongap: () => void this.#inOrder(() => this.#catchUp()),
    });
    const { number, start } = await this.#read(Number.MAX_SAFE_INTEGER);
    this.#last = Math.max(this.#last, number);
    this.#start = start;
  }

  publish(event: ServerEvent): void {
    // Redis need not carry what nobody will ask for.
    if (!isKept(event)) return this.#bus.publish(event);
    const subject = subjectOf(event);
    if (this.#publishing.has(subject)) this.#publishing.set(subject, event);
    else void this.#publishAll(subject, event);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    return this.#bus.subscribe(listener);
  }

  async since(number: number): Promise<Changes> {
    const { changes, isComplete, number: last } = await this.#read(number);
    return { events: changes.map(({ event }) => event), isComplete, last };
  }

  close(): void {
    this.#stopRetrying?.();
    this.#stopCatchingUp?.();
    this.#leave?.();
  }

  /** Publishes an event, and then the last of the same subject that came meanwhile: a busy tool may notify in every call. */
  async #publishAll(subject: string, first: ServerEvent): Promise<void> {
    let event: ServerEvent | undefined = first;
    while (event) {
      this.#publishing.set(subject, undefined);
      await this.#publish(event, true);
      event = this.#publishing.get(subject);
    }
    this.#publishing.delete(subject);
  }

  async #publish(event: ServerEvent, isNew: boolean): Promise<void> {
    const { connection, clock, maxChanges } = this.#options;
    const subject = subjectOf(event);
    const args = [
      clock.now(),
      subject,
      JSON.stringify(event),
      maxChanges,
      connection.publish,
      changesChannel(connection.db),
    ];
    try {
      await connection.run(PUBLISH_CHANGE, CHANGES_KEYS, args);
      if (this.#unpublished.get(subject) === event) this.#unpublished.delete(subject);
    } catch {
      if (!isNew) return;
      this.#unpublished.delete(subject);
      this.#unpublished.set(subject, event);
      this.#trim();
      this.#bus.publish(event);
      this.#stopRetrying ??= clock.every(RETRY_MS, () => void this.#inOrder(() => this.#publishAgain()));
    }
  }

  async #publishAgain(): Promise<void> {
    for (const event of this.#unpublished.values()) {
      await this.#publish(event, false);
      if (this.#unpublished.get(subjectOf(event)) === event) return;
    }
    this.#stopRetrying?.();
    this.#stopRetrying = undefined;
  }

  #trim(): void {
    for (const subject of this.#unpublished.keys()) {
      if (this.#unpublished.size <= this.#options.maxChanges) return;
      this.#unpublished.delete(subject);
    }
  }

  async #hear(text: string): Promise<void> {
    const [, start = '', digits, event = ''] = /^(\S+) (\S+) (.*)$/s.exec(text) ?? [];
    const number = Number(digits);
    // Messages before this one were lost. Nobody may be said to have heard of all up to it before they are caught up with.
    if (start === this.#start && number > this.#last + 1 && !this.#hasGap) await this.#catchUp();
    // Known from catching up. Numbers of another log mean nothing here, lower or not.
    if (start === this.#start && number <= this.#last) return;
    if (!this.#hasGap) {
      this.#start = start;
      this.#last = number;
    }
    this.#bus.publish(JSON.parse(event) as ServerEvent);
  }

  /**
   * Tells listeners what they have missed while there was no connection. Meanwhile, the last change is the one before the gap:
   * nobody has been told up to a later one.
   */
  async #catchUp(): Promise<void> {
    this.#hasGap = true;
    try {
      const { start, number, changes, isComplete } = await this.#read(this.#start === '' ? 0 : this.#last);
      if (!isComplete) for (const kind of LISTS) this.#bus.publish({ kind });
      if (number > 0) this.#start = start;
      // Lower if Redis has come back with older data: the numbers after that are given once more.
      this.#last = Math.min(this.#last, number);
      for (const change of changes) {
        this.#last = change.number;
        this.#bus.publish(change.event);
      }
      this.#hasGap = false;
      this.#stopCatchingUp?.();
      this.#stopCatchingUp = undefined;
    } catch {
      // Subscriptions are back, but commands have a connection of their own, or the circuit is still open.
      this.#stopCatchingUp ??= this.#options.clock.every(RETRY_MS, () => void this.#inOrder(() => this.#catchUp()));
    }
  }

  async #read(after: number) {
    const [[number, forgotten, start], found] = (await this.#options.connection.run(CHANGES_SINCE, CHANGES_KEYS, [
      after,
    ])) as [(string | null)[], string[]];
    const changes: { number: number; event: ServerEvent }[] = [];
    for (let i = 0; i < found.length; i += 2) {
      changes.push({ number: Number(found[i]), event: JSON.parse(found[i + 1] ?? '') as ServerEvent });
    }
    // Nothing was forgotten before the first.
    const isKnown = after >= Number(forgotten) || (after === 0 && forgotten === start);
    return { number: Number(number), start: start ?? '', changes, isComplete: isKnown && after <= Number(number) };
  }
}
