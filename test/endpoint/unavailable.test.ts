/** What clients see while an engine, such as Redis, is unavailable. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import {
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  rpc,
  sessionOf,
  testApp,
} from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';
import { sessionApp } from '../support/session-app.ts';

const gone = () => Promise.reject(new UnavailableError('connect ECONNREFUSED 10.0.0.5:6379'));
const unavailable = { status: 503, code: -32000, headers: { 'retry-after': '2' } };

test('answers 503 with Retry-After to every request in a session, and goes on with 2026-07-28', async () => {
  const { app, store, another } = sessionApp();
  const { id } = await openSession(app);
  const sessionStore = { ...store, create: gone, get: gone, use: gone, update: gone, delete: gone, touch: gone };
  const failing = another({}, { sessionStore });
  const session = sessionOf(failing, id);
  const opening = { ...initializeRequest(), id: 'first' };
  const opened = await failing.request('POST', { headers: JSON_HEADERS, body: opening });
  await assertRefused(opened, { ...unavailable, id: 'first' });
  await assertRefused(await session.post(rpc('ping', {}, 'mine')), { ...unavailable, id: 'mine' });
  for (const response of [session.get(), session.delete()]) await assertRefused(await response, unavailable);
  assert.equal((await failing.request('POST', modernRequest('server/discover'))).status, 200);
  assert.deepEqual(
    failing.lines.filter((line) => line.includes('a request failed')),
    [],
    'it is no bug',
  );
  assert.equal((await sessionOf(app, id).post(rpc('ping'))).status, 200, 'the session is still there');
});

for (const engine of ['eventLog', 'relay'] as const)
  test(`answers 503 with Retry-After to GET while the ${engine} is unavailable`, async () => {
    const context = sessionApp();
    const { id } = await openSession(context.app);
    const relay = { node: 'n', hasPeers: true, isAlive: gone, join: gone, send: gone };
    const eventLog = { ...context.eventLog, hold: gone, after: gone };
    const failing = context.another({}, engine === 'relay' ? { relay } : { eventLog });
    await assertRefused(await sessionOf(failing, id).get(), unavailable);
    await assertRefused(await sessionOf(failing, id).get('1.00000000.x'), unavailable);
    assert.equal(await failing.drain(), 0);
  });

test('answers 200 on /readyz without engines, and says that it is degraded', async () => {
  let isAvailable = true;
  const app = testApp({}, { isAvailable: () => isAvailable });
  const ready = async () => {
    const response = await app.request('GET', { path: '/readyz' });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ready(), [200, 'ok']);
  isAvailable = false;
  assert.deepEqual(await ready(), [200, 'degraded']);
});
