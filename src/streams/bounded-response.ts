/**
 * Event streams that the SDK made, wrapped in a bounded body. The SDK writes to its streams without asking whether anybody
 * reads them.
 */
import { isEventStream } from '../protocol/accept.ts';
import { BoundedBody, type BoundedBodyOptions, type OnEnd } from './bounded-body.ts';

/** Options for {@link boundedResponse}. */
export interface BoundedResponseOptions extends BoundedBodyOptions {
  onEnd: OnEnd;
  /** Returns what to send for a chunk of the SDK. @default the chunk */
  mapChunk?: (chunk: Uint8Array) => Uint8Array;
  /** Returns what to send at the end of a stream, given the last chunk of the SDK. @default nothing */
  lastWords?: (lastChunk: Uint8Array | undefined) => Uint8Array | undefined;
}

/**
 * Returns `response` with its body bounded if it is an event stream, and as it is otherwise.
 *
 * `onEnd` is called once, when the stream has ended for any reason; right away if the response is not a stream.
 */
export function boundedResponse(response: Response, options: BoundedResponseOptions): Response {
  // In this order: in @hono/node-server, reading the `body` of a string response turns it into a stream.
  if (!isEventStream(response) || response.body === null) {
    options.onEnd();
    return response;
  }
  const source = response.body.getReader();
  const body = new BoundedBody(options, (reason) => {
    // Tells the call behind the stream, as when its client goes away. A source that has ended ignores it.
    source.cancel(reason).catch(() => {});
    options.onEnd(reason);
  });
  void pump(source, body, options);
  const headers = new Headers(response.headers);
  // The SDK asks for keep-alive even if the client wants the connection closed (RFC 9112 section 9.6).
  headers.delete('connection');
  return body.response({ status: response.status, headers });
}

async function pump(
  source: ReadableStreamDefaultReader<Uint8Array>,
  body: BoundedBody,
  { mapChunk = (chunk) => chunk, lastWords }: BoundedResponseOptions,
): Promise<void> {
  let last: Uint8Array | undefined;
  try {
    for (;;) {
      const { done, value } = await source.read();
      if (done) break;
      body.write(mapChunk(value));
      last = value;
    }
    const words = lastWords?.(last);
    if (words) body.write(words);
    body.end();
  } catch (error) {
    body.fail(error);
  }
}
