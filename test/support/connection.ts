/** A connection of a client that may lose any part of what was sent on it. */
import { eventsIn, type SseEvent } from './app.ts';
import type { Machine } from './schedule.ts';

/** A stream as its client reads it. */
export class Connection {
  readonly machine: Machine;
  /** Whether the client has got an event with an id. */
  hasId = false;
  /** Resolves when something has come, or the server has ended it. */
  readonly begun: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';
  #taken = 0;
  #hasEnded = false;

  constructor(response: Response, machine: Machine) {
    this.machine = machine;
    if (response.body === null) throw new Error('The response has no body');
    this.#reader = response.body.getReader();
    this.begun = this.#readOne().catch(() => this.#end());
    void this.begun.then(() => this.#readAll()).catch(() => this.#end());
  }

  /** Whether the server has ended it, and the client has taken everything. */
  get isOver(): boolean {
    return this.#hasEnded && this.#taken === eventsIn(this.#text).length;
  }

  /** The events that the client has not taken yet, at most `count` of them. */
  take(count = Infinity): SseEvent[] {
    const events = eventsIn(this.#text).slice(this.#taken, this.#taken + count);
    this.#taken += events.length;
    if (events.some(({ id }) => id !== undefined)) this.hasId = true;
    return events;
  }

  /** The server notices that the client has gone. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  #end(): void {
    this.#hasEnded = true;
  }

  async #readAll(): Promise<void> {
    while (!this.#hasEnded) await this.#readOne();
  }

  async #readOne(): Promise<void> {
    const { done, value } = await this.#reader.read();
    if (done) return this.#end();
    this.#text += this.#decoder.decode(value, { stream: true });
  }
}
