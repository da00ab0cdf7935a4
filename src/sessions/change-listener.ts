/**
 * Tells a session on its GET stream what has changed.
 *
 * Nothing is queued for a session without a stream. Its record says up to which change the client has been told, and the
 * change log says what has changed since: what happened ten times in the meantime is told once.
 *
 * Say that the client was told up to change 7, and its stream breaks. Changes 8 to 12 happen. A new stream begins with `listen(7)`:
 * the log says what has changed after 7, up to 12, and each of it that the client wants to hear of is sent once. This node
 * may hear of 11 and 12 only afterwards, from the node where they happened: they were found early, and are not sent again.
 * If the client subscribes on another node, this one learns of it late: perhaps after 13, of which it has told nobody. So
 * for a late subscription it looks up what has changed since the last number for which it is certain that it knew them all.
 */
import type { JSONRPCNotification, ServerEvent } from '@modelcontextprotocol/server';
import type { ChangeLog } from '../contracts/change-log.ts';
import { notificationOf, subjectOf } from '../context/subscriptions.ts';
import { createTaskQueue } from '../lib/task-queue.ts';

/** The sessions of this process with an open GET stream, by what they want to hear of. */
export class Audience {
  readonly #listeners = new Map<string, Set<ChangeListener>>();

  add(subject: string, listener: ChangeListener): void {
    const listeners = this.#listeners.get(subject);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(subject, new Set([listener]));
  }

  remove(subject: string, listener: ChangeListener): void {
    const listeners = this.#listeners.get(subject);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(subject);
  }

  /** Passes an event on to whoever wants to hear of it. */
  tell(event: ServerEvent): void {
    for (const listener of this.#listeners.get(subjectOf(event)) ?? []) listener.hear(event);
  }
}

/** Options for {@link ChangeListener}. */
export interface ChangeListenerOptions {
  changes: ChangeLog;
  audience: Audience;
  /**
   * Sends a notification on the GET stream. Resolves to `false` if that has no connection.
   *
   * @param told - The number of the last change that the client knows of with it, if that is certain.
   */
  send: (message: JSONRPCNotification, told: number | undefined) => Promise<boolean>;
  /** Receives the errors of the change log. */
  onerror: (error: unknown) => void;
}

/** What one session wants to hear of and has been told. */
export class ChangeListener {
  readonly #options: ChangeListenerOptions;
  /** What the session wants to hear of, by subject. */
  readonly #wanted = new Map<string, ServerEvent>();
  /** What is about to be sent, each subject once. */
  readonly #pending = new Map<string, ServerEvent>();
  /** Catches up and sends one after the other, so that nothing is sent twice. */
  readonly #inOrder = createTaskQueue();
  #told = 0;
  /** The number of the last change of which it is certain that the session had heard of all subscriptions before it. */
  #certain = 0;
  /** The numbers of the changes that catching up has found before this process heard of them: after the first, up to the second. */
  #foundEarly = { after: 0, upTo: 0 };
  #isListening = false;
  #isSending = false;
  /** Whether earlier changes may be missing from `#pending`, so that the client has not been told up to any later one. */
  #isBehind = true;
  /** Counts connections of the stream: what was begun for an earlier one is given up. */
  #connections = 0;

  constructor(options: ChangeListenerOptions) {
    this.#options = options;
  }

  /** The number of the last change that the client has been told. */
  get told(): number {
    return this.#told;
  }

  /** The same, as far as the client may have subscribed on another node to what this one does not know yet. */
  get toldForCertain(): number {
    return Math.min(this.#told, this.#certain);
  }

  /**
   * Adds what the session wants to hear of.
   *
   * @param isLate - Whether the client has subscribed to it on another node, and perhaps before the last changes.
   */
  add(event: ServerEvent, isLate = false): void {
    const subject = subjectOf(event);
    this.#wanted.set(subject, event);
    if (!this.#isListening) return;
    this.#options.audience.add(subject, this);
    const connection = this.#connections;
    if (isLate) void this.#inOrder(() => this.#catchUpOn(event, connection));
  }

  /** Catches up, if an earlier attempt has failed. */
  retry(): void {
    const connection = this.#connections;
    if (this.#isListening && this.#isBehind) void this.#inOrder(() => this.#catchUp(connection));
  }

  /** To be called when it is known that the client had subscribed to nothing else before a change. */
  confirm(number: number): void {
    this.#certain = Math.max(this.#certain, number);
  }

  remove(event: ServerEvent): void {
    const subject = subjectOf(event);
    this.#wanted.delete(subject);
    this.#pending.delete(subject);
    this.#options.audience.remove(subject, this);
  }

  /**
   * To be called when the GET stream has a new connection: tells what the client has missed, and what changes from now on.
   *
   * @param told - The number of the last change that the client has been told.
   */
  listen(told: number): Promise<void> {
    this.stop();
    const connection = ++this.#connections;
    this.#told = told;
    this.#certain = told;
    this.#isListening = true;
    for (const subject of this.#wanted.keys()) this.#options.audience.add(subject, this);
    return this.#inOrder(() => this.#catchUp(connection));
  }

  /** To be called when the GET stream has lost its connection. */
  stop(): void {
    if (!this.#isListening) return;
    const { audience, changes } = this.#options;
    const isUpToDate = !this.#isBehind && !this.#isSending && this.#pending.size === 0;
    if (isUpToDate) this.#told = Math.max(changes.last, this.#foundEarly.upTo);
    this.#connections += 1;
    this.#isListening = false;
    this.#isBehind = true;
    this.#pending.clear();
    for (const subject of this.#wanted.keys()) audience.remove(subject, this);
  }

  hear(event: ServerEvent): void {
    const { last } = this.#options.changes;
    if (!this.#isBehind && last > this.#foundEarly.after && last <= this.#foundEarly.upTo) return;
    const isAwaited = this.#pending.size > 0;
    this.#pending.set(subjectOf(event), event);
    // What waits already takes this one along: an author may notify in a loop, for thousands of sessions.
    if (isAwaited) return;
    // An earlier attempt to catch up may have failed. Without a connection, there is nothing to send.
    void this.#inOrder(() => (this.#isListening && this.#isBehind ? this.#catchUp(this.#connections) : this.#send()));
  }

  async #catchUp(connection: number): Promise<void> {
    if (!this.#isBehind || connection !== this.#connections) return;
    const { changes, onerror } = this.#options;
    try {
      const { events, isComplete, last } = await changes.since(this.#told);
      if (connection !== this.#connections) return;
      this.#foundEarly = { after: changes.last, upTo: last };
      // If the log has forgotten what has changed, anything may have; and its numbers may have begun anew.
      if (!isComplete) this.#told = 0;
      for (const event of isComplete ? events : this.#wanted.values()) {
        const subject = subjectOf(event);
        if (this.#wanted.has(subject)) this.#pending.set(subject, event);
      }
      this.#isBehind = false;
    } catch (error) {
      onerror(error);
    }
    await this.#send();
  }

  /** Tells of one subject, if it may have changed while only another node knew that the client wants to hear of it. */
  async #catchUpOn(event: ServerEvent, connection: number): Promise<void> {
    const { changes, onerror } = this.#options;
    const subject = subjectOf(event);
    let hasChanged = true;
    try {
      const { events, isComplete } = await changes.since(this.#certain);
      hasChanged = !isComplete || events.some((change) => subjectOf(change) === subject);
    } catch (error) {
      onerror(error);
    }
    if (!hasChanged || connection !== this.#connections || !this.#wanted.has(subject)) return;
    this.#pending.set(subject, event);
    await this.#send();
  }

  /** Sends what is pending, as long as there is a connection. Without one, the client is told when it has another. */
  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#pending.size > 0) {
      const upTo = Math.max(this.#options.changes.last, this.#foundEarly.upTo);
      const events = Array.from(this.#pending.values());
      this.#pending.clear();
      const isSent = await this.#sendAll(events, this.#isBehind ? undefined : upTo);
      if (isSent && !this.#isBehind) this.#told = Math.max(this.#told, upTo);
    }
    this.#isSending = false;
  }

  /** @param upTo - The number of the last change that the client knows of when all are sent, if that is certain. */
  async #sendAll(events: ServerEvent[], upTo: number | undefined): Promise<boolean> {
    const last = events.at(-1);
    for (const event of events) {
      const told = event === last ? upTo : undefined;
      if (!(await this.#options.send(notificationOf(event), told))) return false;
    }
    return true;
  }
}
