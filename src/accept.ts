/**
 * What the client can read, and giving it that.
 *
 * The specification has clients accept JSON and event streams both, and most do. Those that name
 * one of them only, anything at all, or no `Accept` are served as well: the answer is turned into the type they read.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
import { parseAccept } from 'hono/utils/accept';
import { internalErrorResponse } from './errors.ts';

const JSON_TYPE = 'application/json';
const EVENT_STREAM_TYPE = 'text/event-stream';
/** What the SDK's transport looks for in `Accept`, word for word. */
export const ACCEPT_BOTH = `${JSON_TYPE}, ${EVENT_STREAM_TYPE}`;

/** The types that a client can read. */
export interface Accepted {
  json: boolean;
  eventStream: boolean;
}

/** Reads an `Accept` header; without one, everything is accepted (RFC 9110 section 12.5.1). */
export function readAccept(header: string | null): Accepted {
  if (header === null || header.trim() === '' || header === ACCEPT_BOTH) return { json: true, eventStream: true };
  const ranges = parseAccept(header.toLowerCase());
  const accepts = (...names: string[]) => {
    const mostSpecific = names.map((name) => ranges.find(({ type }) => type === name)).find((range) => range);
    return mostSpecific !== undefined && mostSpecific.q > 0;
  };
  return {
    json: accepts(JSON_TYPE, 'application/*', '*/*'),
    eventStream: accepts(EVENT_STREAM_TYPE, 'text/*', '*/*'),
  };
}

/** The same request, accepting both types, for a transport that insists on it. The body is not carried over. */
export function acceptingBoth(request: Request): Request {
  const accept = request.headers.get('accept');
  if (accept?.includes(JSON_TYPE) && accept.includes(EVENT_STREAM_TYPE)) return request;
  const headers = new Headers(request.headers);
  headers.set('accept', ACCEPT_BOTH);
  return new Request(request.url, { method: request.method, headers, signal: request.signal });
}

/** Whether `response` is a stream of events. */
export function isEventStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith(EVENT_STREAM_TYPE) === true;
}

/**
 * Turns the answer to a POST into a type that the client accepts. Errors are JSON whatever it accepts.
 *
 * A stream becomes one JSON body by waiting for its end; what came before the response (progress, logging)
 * is lost, as it has to be.
 */
export async function asAccepted(response: Response, accepted: Accepted, batch: boolean): Promise<Response> {
  if (isEventStream(response)) return accepted.eventStream ? response : streamToJson(response, batch);
  const needsStream = !accepted.json && response.status === 200;
  return needsStream ? jsonToStream(response) : response;
}

async function streamToJson(response: Response, batch: boolean): Promise<Response> {
  const answers: unknown[] = [];
  for await (const message of messagesOf(response)) {
    if ('result' in message || 'error' in message) answers.push(message);
  }
  if (answers.length === 0) return internalErrorResponse();
  const headers = new Headers(response.headers);
  for (const name of ['connection', 'cache-control', 'x-accel-buffering']) headers.delete(name);
  headers.set('content-type', JSON_TYPE);
  return new Response(JSON.stringify(batch ? answers : answers[0]), { status: response.status, headers });
}

async function jsonToStream(response: Response): Promise<Response> {
  const headers = new Headers(response.headers);
  headers.set('content-type', EVENT_STREAM_TYPE);
  headers.set('cache-control', 'no-cache, no-transform');
  return new Response(`event: message\ndata: ${await response.text()}\n\n`, { status: response.status, headers });
}

/** The messages in a stream that the SDK wrote: one `data:` line each, which a priming event leaves empty. */
async function* messagesOf(response: Response): AsyncGenerator<object> {
  if (response.body === null) return;
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      // Not `.`, which would stop at a U+2028 in the message.
      const data = /^data: ?(\S[^\n]*)/m.exec(event)?.[1];
      if (data !== undefined) yield JSON.parse(data) as object;
    }
  }
}
