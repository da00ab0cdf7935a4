/**
 * Tells which types a client can read, and converts answers into one of them.
 *
 * The specification asks clients to accept both JSON and event streams, and most do. Clients that accept only one of
 * them, or send no `Accept` header, are served as well: their answers are converted.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
import { parseAccept } from 'hono/utils/accept';
import { internalErrorResponse } from './errors.ts';
import { jsonText } from './json.ts';

const JSON_TYPE = 'application/json';
const EVENT_STREAM_TYPE = 'text/event-stream';
const HTML_TYPE = 'text/html';
/** Exactly what most clients send. */
export const ACCEPT_BOTH = `${JSON_TYPE}, ${EVENT_STREAM_TYPE}`;

/** The types that a client can read. */
export interface Accepted {
  json: boolean;
  eventStream: boolean;
}

/** Reads an `Accept` header. Without one, everything is accepted (RFC 9110 section 12.5.1). */
export function readAccept(header: string | null): Accepted {
  if (header === null || header.trim() === '' || header === ACCEPT_BOTH) return { json: true, eventStream: true };
  const ranges = parseAccept(header.toLowerCase());
  return {
    json: accepts(ranges, JSON_TYPE, 'application/*', '*/*'),
    eventStream: accepts(ranges, EVENT_STREAM_TYPE, 'text/*', '*/*'),
  };
}

/** Whether a client reads HTML. Without an `Accept` header, it reads everything. */
export function readsHtml(header: string | null): boolean {
  if (header === null || header.trim() === '') return true;
  return accepts(parseAccept(header.toLowerCase()), HTML_TYPE, 'text/*', '*/*');
}

/** Whether a client asks for HTML by its name, and not for an event stream, as a browser does that opens a page. */
export function listsHtml(header: string | null): boolean {
  const ranges = parseAccept((header ?? '').toLowerCase());
  return accepts(ranges, HTML_TYPE) && !accepts(ranges, EVENT_STREAM_TYPE);
}

/** Whether the first of `names` that is in `ranges` is accepted; they go from the most specific to the least. */
function accepts(ranges: ReturnType<typeof parseAccept>, ...names: string[]): boolean {
  const mostSpecific = names.map((name) => ranges.find(({ type }) => type === name)).find((range) => range);
  return mostSpecific !== undefined && mostSpecific.q > 0;
}

/** Whether `response` is an event stream. */
export function isEventStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith(EVENT_STREAM_TYPE) === true;
}

/**
 * Converts the answer to a modern POST into a type that the client accepts. Errors are JSON, whatever it accepts.
 *
 * To become one JSON body, a stream is read to its end. Messages before the answer, such as progress, are lost.
 */
export async function asAccepted(response: Response, accepted: Accepted): Promise<Response> {
  if (isEventStream(response)) return accepted.eventStream ? response : streamToJson(response);
  const needsStream = !accepted.json && response.status === 200;
  return needsStream ? jsonToStream(response) : response;
}

async function streamToJson(response: Response): Promise<Response> {
  let answer: object | undefined;
  for await (const message of messagesOf(response)) if ('result' in message || 'error' in message) answer = message;
  if (!answer) return internalErrorResponse();
  const headers = new Headers(response.headers);
  for (const name of ['connection', 'cache-control', 'x-accel-buffering']) headers.delete(name);
  headers.set('content-type', JSON_TYPE);
  return new Response(jsonText(answer), { status: response.status, headers });
}

async function jsonToStream(response: Response): Promise<Response> {
  const headers = new Headers(response.headers);
  headers.set('content-type', EVENT_STREAM_TYPE);
  headers.set('cache-control', 'no-cache, no-transform');
  return new Response(`event: message\ndata: ${await response.text()}\n\n`, { status: response.status, headers });
}

/** The messages in a stream from the SDK, each of which is one `data:` line. */
async function* messagesOf(response: Response): AsyncGenerator<object> {
  if (response.body === null) return;
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      // Not `.`, which does not match U+2028.
      const data = /^data: ?(\S[^\n]*)/m.exec(event)?.[1];
      if (data !== undefined) yield JSON.parse(data) as object;
    }
  }
}
