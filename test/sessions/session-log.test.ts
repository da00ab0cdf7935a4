/** Log messages to sessions, by `notify.log`, wherever their server and their stream are. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import type { Notifier } from '../../src/tools.ts';
import { answerOf, gate, openSession, rpc, sessionOf } from '../support/app.ts';
import { breakOff, listen, setUp, toldIn, waitingFor } from '../support/changing.ts';
import { pass, settled } from '../support/time.ts';

describe('a log message to a session', () => {
  const log = (notify: Notifier, id: string, data: string, level: 'info' | 'error' = 'info') =>
    notify.log(id, { level, data });

  test('is sent on its GET stream, and to no other session', async () => {
    const { app, notify, session } = await setUp();
    const [mine, theirs] = [await listen(session), await listen(await openSession(app))];
    log(notify, session.id, 'hello');
    await settled();
    assert.deepEqual([toldIn(mine), toldIn(theirs)], [['hello'], []]);
    await Promise.all([mine.cancel(), theirs.cancel()]);
  });

  test('waits for the next stream, in memory or not, in order and once', async () => {
    const { another, notify, session } = await setUp();
    log(notify, session.id, 'a');
    await settled();
    log(notify, session.id, 'b');
    await settled();
    const there = sessionOf(another(), session.id);
    const first = await listen(there);
    assert.deepEqual(toldIn(first), ['a', 'b']);
    await breakOff(first);
    const second = await listen(there);
    assert.deepEqual(toldIn(second), []);
    await second.cancel();
  });

  test('is not lost when the server leaves memory while an engine is still logging it', async () => {
    const { clock, app, eventLog, notify, session } = await setUp();
    const append = eventLog.append.bind(eventLog);
    const logging = gate();
    eventLog.append = async (...event) => {
      await logging.opened;
      return append(...event);
    };
    for (const data of ['a', 'b', 'c']) log(notify, session.id, data);
    await pass(clock, 85_000);
    logging.open();
    await settled();
    const stream = await listen(sessionOf(app, session.id));
    assert.deepEqual(toldIn(stream), ['a', 'b', 'c']);
    await stream.cancel();
  });

  test("keeps to the client's level, in memory or not", async () => {
    const { clock, notify, session } = await setUp();
    assert.deepEqual((await answerOf(await session.post(rpc('logging/setLevel', { level: 'error' })))).result, {});
    log(notify, session.id, 'too low');
    log(notify, session.id, 'high enough', 'error');
    await pass(clock, 85_000);
    log(notify, session.id, 'too low');
    log(notify, session.id, 'high enough again', 'error');
    await settled();
    const stream = await listen(session);
    assert.deepEqual(toldIn(stream), ['high enough', 'high enough again']);
    await stream.cancel();
  });

  test('goes nowhere if the session has ended, or never was', async () => {
    const { eventLog, notify, session } = await setUp();
    await session.delete();
    log(notify, session.id, 'late');
    log(notify, 'never', 'late');
    await settled();
    assert.deepEqual(await waitingFor(eventLog, session.id), []);
    assert.deepEqual(await waitingFor(eventLog, 'never'), []);
  });

  test('goes nowhere if the server has not announced logging', async () => {
    const { notify, session } = await setUp({
      createServer: () => new McpServer({ name: 'silent', version: '1.0.0' }, { capabilities: {} }),
    });
    const stream = await listen(session);
    log(notify, session.id, 'hello');
    await settled();
    assert.deepEqual(toldIn(stream), []);
    await stream.cancel();
  });
});
