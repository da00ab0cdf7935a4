/** A `createServer` that never resolves: only its own session suffers, and not for long. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CreateServer } from '../../src/tools.ts';
import { gate, openSession, rpc } from '../support/app.ts';
import { fixture } from '../support/fixture.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';
import { linesAt } from '../support/log-lines.ts';

const MINUTE_MS = 60_000;
const MINUTE = { MCP_MAX_LIVE_SESSIONS: '1000', MCP_LIVE_IDLE_SECONDS: '60' };

describe('a createServer that hangs', () => {
  /** Hangs when it is called for the second time: the session is activated from its record. */
  function hanging(env: Record<string, string> = {}) {
    const servers = fixture({});
    const hang = gate();
    let calls = 0;
    const createServer: CreateServer = async (context) => {
      calls += 1;
      if (calls === 2) await hang.opened;
      return servers.createServer(context);
    };
    return { ...sessionApp({}, { ...MINUTE, ...env }, { createServer }), servers, hang };
  }

  test('is given up after a minute: answers 500, logs it, and builds another server for the next call', async () => {
    const { app, clock, servers, hang } = hanging();
    const session = await openSession(app);
    await pass(clock, 1.5 * MINUTE_MS);
    const call = session.post(rpc('tools/list'));
    await pass(clock, 1.5 * MINUTE_MS);
    assert.equal((await call).status, 500);
    assert.match(String(linesAt('error', app.lines)[0]?.['error']), /not ready within 60 seconds/);
    assert.equal((await session.post(rpc('tools/list'))).status, 200);
    hang.open();
    await settled();
    assert.deepEqual([servers.created, servers.open], [3, 1], 'the one that was late is closed');
  });

  test('keeps neither the others from expiring nor its own session from ending', async () => {
    const { app, clock, store } = hanging({ MCP_SESSION_IDLE_SECONDS: '120' });
    const session = await openSession(app);
    await pass(clock, 1.5 * MINUTE_MS);
    const call = session.post(rpc('tools/list'));
    await settled();
    // The machine sleeps for so long that the record expires under the request.
    clock.advance(3 * MINUTE_MS);
    await call;
    await openSession(app);
    await pass(clock, 3 * MINUTE_MS);
    assert.equal(await store.count(), 0);
  });

  test('does not keep the app from stopping', async () => {
    const { app, clock } = hanging({ MCP_DRAIN_SECONDS: '1' });
    const session = await openSession(app);
    await pass(clock, 1.5 * MINUTE_MS);
    void session.post(rpc('tools/list'));
    await settled();
    let hasStopped = false;
    void app.drain().then(() => (hasStopped = true));
    await pass(clock, 2000);
    assert.ok(hasStopped);
  });
});
