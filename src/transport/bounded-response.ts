/**
 * Event streams of the SDK, which writes without asking whether anybody reads: the same bounds as on our own, by one
 * wrap around the body. Any other answer passes through as it is.
 */
import { isEventStream } from '../protocol/accept.ts';
import { createBoundedBody, type BoundedBody, type BoundedBodyOptions } from './bounded-body.ts';

/**
 * Returns `response` with its body bounded, if it is an event stream.
 *
 * `onEnd` is called once, when the stream has ended for any reason; at once when the response is not a stream.
 */
export function boundedResponse(response: Response, options: BoundedBodyOptions): Response {
  // In this order: on Node.js, reading `body` of an answer that is a string turns it into a stream.
  if (!isEventStream(response) || response.body === null) {
    options.onEnd();
    return response;
  }
  const source = response.body.getReader();
  const body = createBoundedBody({
    ...options,
    onEnd(reason) {
      // The call behind it hears of it, as when its client goes away. Does nothing to a source that has ended.
      source.cancel(reason).catch(() => {});
      options.onEnd(reason);
    },
  });
  void pump(source, body);
  const headers = new Headers(response.headers);
  // The SDK asks for keep-alive, even where the client wants the connection closed (RFC 9112 section 9.6).
  headers.delete('connection');
  return new Response(body.stream, { status: response.status, headers });
}

async function pump(source: ReadableStreamDefaultReader<Uint8Array>, body: BoundedBody): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await source.read();
      if (done) break;
      body.write(value);
    }
    body.end();
  } catch (error) {
    body.fail(error);
  }
}
