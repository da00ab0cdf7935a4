/** What every answer must be, whatever the request. */
import assert from 'node:assert/strict';
import { eventsIn } from '../support/app.ts';

export interface Answer {
  status: number;
  contentType: string;
  body: string;
}

/** What would tell a stranger how the server is made. */
const INTERNALS = /node_modules|\.[cm]?[jt]s:\d|\n\s+at |RangeError|TypeError|call stack/;

/** Reads an answer made by fetch. A stream that stays open is left after `patience`. */
export async function answerFrom(response: Response, patience: () => Promise<unknown>): Promise<Answer> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let body = '';
  const ended = (async () => {
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) return;
      body += decoder.decode(next.value, { stream: true });
    }
  })();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  await (isStream ? Promise.race([ended, patience()]) : ended);
  await reader?.cancel();
  return { status: response.status, contentType: response.headers.get('content-type') ?? '', body };
}

/** Fails unless the status is one of `statuses` and the body is what belongs to it. */
export function assertAnswer({ status, contentType, body }: Answer, statuses: readonly number[]): void {
  assert.ok(statuses.includes(status), `answers ${status}, which is not one of ${statuses.join(', ')}: ${body}`);
  if (body === '') return;
  if (contentType.startsWith('text/event-stream')) {
    assert.equal(status, 200);
    for (const { message } of eventsIn(body)) if (message) assert.equal(message['jsonrpc'], '2.0', body);
    return;
  }
  assert.match(contentType, /^application\/json/, body);
  const messages = [JSON.parse(body)].flat() as Record<string, unknown>[];
  assert.ok(messages.length > 0, 'there is a message in a body');
  for (const message of messages) {
    assert.equal(message['jsonrpc'], '2.0', body);
    if (status !== 200) assertError(message);
  }
}

function assertError({ id, error, ...rest }: Record<string, unknown>): void {
  assert.deepEqual(Object.keys(rest), ['jsonrpc']);
  assert.ok(id === null || typeof id === 'string' || typeof id === 'number', `has the id ${JSON.stringify(id)}`);
  const { code, message } = error as { code: unknown; message: unknown };
  assert.ok(Number.isInteger(code) && typeof message === 'string' && message !== '', JSON.stringify(error));
  assert.doesNotMatch(JSON.stringify(error), INTERNALS);
}
