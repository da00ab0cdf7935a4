/** The event streams that answer calls and GET requests of the 2025 revisions, and calls of 2026-07-28 that are silent. */
import type { Clock } from '../lib/clock.ts';
import { isEventStream } from '../protocol/accept.ts';
import { BoundedBody, type BoundedBodyOptions, type OnEnd } from './bounded-body.ts';

/** How long a client should wait before it resumes a stream, in milliseconds. */
const RETRY_MS = 1000;
const KEEP_ALIVE = ': keepalive\n\n';

/** An event (HTML standard, "Server-sent events"). */
export interface StreamEvent {
  /** The id that a client resumes from; `undefined` if it cannot resume from this event. */
  id: string | undefined;
  /** A message as JSON; `undefined` for an event that carries only an id. */
  data: string | undefined;
}

/** Options for {@link createEventStream}. */
export interface EventStreamOptions extends BoundedBodyOptions {
  onEnd: OnEnd;
  /** Further headers of the response. */
  headers: Record<string, string>;
  clock: Pick<Clock, 'now' | 'after' | 'every'>;
  /** Milliseconds between comments that keep proxies from cutting the connection; 0 for none. */
  keepAliveMs: number;
}

/** Options for {@link keptAlive}. */
export interface KeptAliveOptions extends Pick<
  EventStreamOptions,
  'clock' | 'keepAliveMs' | 'expiresAt' | 'openStreams'
> {
  /** Called when there is no answer in time, and a stream takes its place. */
  onSilence: () => void;
}

/**
 * Resolves to `pending` if it answers within `keepAliveMs`. Otherwise resolves to a stream that sends comments until there
 * is an answer, and then the answer, so that no proxy takes the silence for a dead connection. 0 waits for any time.
 */
export async function keptAlive(pending: Promise<Response>, options: KeptAliveOptions): Promise<Response> {
  const { keepAliveMs, clock, onSilence } = options;
  if (keepAliveMs === 0) return pending;
  let cancel: (() => void) | undefined;
  const silence = new Promise<undefined>((resolve) => {
    cancel = clock.after(keepAliveMs, () => resolve(undefined));
  });
  const response = await Promise.race([pending, silence]).finally(() => cancel?.());
  if (response) return response;
  onSilence();
  // The answer may be a stream that counts itself.
  const leave = options.openStreams?.begin();
  const own = { openStreams: undefined, headers: {}, onEnd: () => {} };
  const { stream, response: silent } = createEventStream({ ...options, ...own });
  stream.comment();
  void pending.catch(() => {}).finally(leave);
  void sendLate(pending, stream);
  return silent;
}

async function sendLate(pending: Promise<Response>, stream: EventStream): Promise<void> {
  try {
    const response = await pending;
    if (isEventStream(response)) for await (const chunk of response.body ?? []) stream.write(chunk);
    else stream.send({ id: undefined, data: await response.text() });
    stream.end();
  } catch (error) {
    stream.fail(error);
  }
}

/** Opens an event stream, and makes the response that it is the body of. */
export function createEventStream(options: EventStreamOptions): { stream: EventStream; response: Response } {
  const stream = new EventStream(options);
  const headers = {
    'content-type': 'text/event-stream',
    // These keep caches and proxies from buffering events; the second is for nginx.
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...options.headers,
  };
  return { stream, response: stream.response(headers) };
}

/** A stream of events. Whatever is sent after it has ended, or its reader has gone, is dropped. */
export class EventStream {
  readonly #body: BoundedBody;
  readonly #stopKeepAlive: (() => void) | undefined;

  constructor(options: EventStreamOptions) {
    const { clock, keepAliveMs, onEnd } = options;
    this.#body = new BoundedBody(options, (reason) => {
      this.#stopKeepAlive?.();
      onEnd(reason);
    });
    this.#stopKeepAlive = keepAliveMs > 0 ? clock.every(keepAliveMs, () => this.comment()) : undefined;
  }

  /** Makes its response, once. */
  response(headers: Record<string, string>): Response {
    return this.#body.response({ headers });
  }

  /** Sends an event. */
  send({ id, data }: StreamEvent): void {
    this.#body.write(eventText(id, data));
  }

  /** Sends a comment, so that proxies pass the headers on even if there is no event yet. */
  comment(): void {
    this.#body.write(KEEP_ALIVE);
  }

  /** Sends events that are text already. */
  write(chunk: Uint8Array): void {
    this.#body.write(chunk);
  }

  end(): void {
    this.#body.end();
  }

  /** Breaks the connection instead of ending it. */
  fail(error: unknown): void {
    this.#body.fail(error);
  }
}

/** An event as text (HTML standard, "Server-sent events"). */
export function eventText(id: string | undefined, data: string | undefined): string {
  if (data === undefined) return `id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n`;
  return `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}
