/** The listener in a program that has used the HTTP adapter before, which has replaced the global `Response` by then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import { BoundedBody } from '../../src/streams/bounded-body.ts';
import { manualClock } from '../support/clock.ts';

test('sends an event stream if it was loaded after another listener was made', async (t) => {
  getRequestListener(() => new Response());
  const { listen } = await import('../../src/node/listen.ts');
  const body = new BoundedBody({ clock: manualClock() }, () => {});
  const answer = body.response({ headers: { 'content-type': 'text/event-stream' } });
  const app = { fetch: async () => answer, lifecycle: { phase: 'serving' as const } };
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  t.after(() => listener.closeNow());
  const response = await fetch(`http://127.0.0.1:${listener.port}/`);
  body.write('data: 1\n\n');
  body.end();
  assert.equal(await response.text(), 'data: 1\n\n');
});
