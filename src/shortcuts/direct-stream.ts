/**
 * Shortcut: writes event streams to the answer of Node.js, without the `ReadableStream` that the HTTP adapter reads.
 *
 * For every event, the adapter waits for two promises. Here, what is written in one turn of the event loop leaves at its end,
 * as one chunk. An open stream is also smaller without the `ReadableStream` and its reader.
 */
import { bodyOf, type Outlet } from '../streams/bounded-body.ts';

/** What is used of the `ServerResponse` of Node.js. */
export interface Outgoing {
  readonly destroyed: boolean;
  readonly writableLength: number;
  writeHead(status: number, headers: Record<string, string>): unknown;
  flushHeaders(): void;
  write(chunk: string | Uint8Array): unknown;
  end(text: string): unknown;
  destroy(): unknown;
  on(event: 'error', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Sends `response` if it is an event stream of this project; returns whether it is. */
export function sendDirectly(response: Response, outgoing: Outgoing): boolean {
  const body = bodyOf(response);
  if (!body) return false;
  const leave = () => body.cancel('The client has closed the connection');
  if (outgoing.destroyed) {
    leave();
    return true;
  }
  // An error is followed by the end of the connection.
  outgoing.on('error', () => {});
  outgoing.once('close', leave);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  body.connect(new DirectOutlet(outgoing));
  if (outgoing.writableLength === 0) outgoing.flushHeaders();
  return true;
}

class DirectOutlet implements Outlet {
  readonly #outgoing: Outgoing;
  /** What has been written in this turn. */
  #text = '';

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  get waitingBytes(): number {
    return this.#outgoing.writableLength + this.#text.length;
  }

  write(chunk: string | Uint8Array): void {
    if (typeof chunk !== 'string') {
      this.#flush();
      if (!this.#outgoing.destroyed) this.#outgoing.write(chunk);
      return;
    }
    // After the microtasks of this turn, in which a tool may have more to say.
    if (this.#text === '') process.nextTick(() => this.#flush());
    this.#text += chunk;
  }

  end(): void {
    const text = this.#text;
    this.#text = '';
    if (!this.#outgoing.destroyed) this.#outgoing.end(text);
  }

  fail(): void {
    this.#text = '';
    this.#outgoing.destroy();
  }

  #flush(): void {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && !this.#outgoing.destroyed) this.#outgoing.write(text);
  }
}
