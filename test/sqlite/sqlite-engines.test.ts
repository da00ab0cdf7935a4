import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sessionScope } from '../../src/context/state.ts';
import { append } from '../contracts/append.ts';
import { manualClock } from '../support/clock.ts';
import { openEngines, SKIP_WITHOUT_SQLITE as skip, temporaryDir } from '../support/sqlite.ts';

const RECORD = { principal: '', createdAt: 0, initialize: '{}', initialized: true, subscriptions: [], toldChange: 0 };

describe('engines on a data file', { skip }, () => {
  test('keep everything for the next process', async (t) => {
    const dataDir = temporaryDir(t);
    const engines = openEngines(t, dataDir);
    await engines.sessionStore.create({ id: 's', version: 1, ...RECORD });
    const event = await append(engines.eventLog, 's', 'one', '"a"');
    await engines.stateStore.write(sessionScope('s'), 'a', { value: '1', expected: null, ttlMs: undefined });
    engines.changes.publish({ kind: 'tools_list_changed' });
    await engines.close();

    const next = openEngines(t, dataDir);
    assert.deepEqual(await next.sessionStore.get('s'), { id: 's', version: 1, ...RECORD });
    assert.deepEqual((await next.eventLog.after('s', event))?.events, []);
    assert.equal(await next.stateStore.get(sessionScope('s'), 'a'), '1');
    assert.deepEqual([next.changes.last, next.isAvailable()], [1, true]);
  });

  test('write times of use within a second', async (t) => {
    const dataDir = temporaryDir(t);
    const clock = manualClock();
    const engines = openEngines(t, dataDir, { clock });
    for (const id of ['a', 'b']) await engines.sessionStore.create({ id, version: 1, ...RECORD });
    clock.advance(100);
    await engines.sessionStore.use('a', '');
    clock.advance(1000);
    // Closed by an error, say: nothing is flushed any more.
    assert.equal(clock.pending, 1);
    await engines.close();
    assert.equal(clock.pending, 0);
    assert.deepEqual(await openEngines(t, dataDir).sessionStore.leastRecentlyUsed(2), ['b', 'a']);
  });

  test('remove what was kept for a session that a killed process had begun to end, and nothing else', async (t) => {
    const dataDir = temporaryDir(t);
    const engines = openEngines(t, dataDir);
    await engines.sessionStore.create({ id: 's', version: 1, ...RECORD });
    const write = { value: '1', expected: undefined, ttlMs: undefined };
    const scopes = [sessionScope('s'), sessionScope('ended'), 'caller:ended', sessionScope('S')];
    for (const scope of scopes) await engines.stateStore.write(scope, 'a', write);
    const kept = await append(engines.eventLog, 's', 'one', '"a"');
    const orphan = await append(engines.eventLog, 'ended', 'one', '"a"');
    await engines.close();

    const { stateStore, eventLog } = openEngines(t, dataDir);
    const values = await Promise.all(scopes.map((scope) => stateStore.get(scope, 'a')));
    assert.deepEqual(values, ['1', undefined, '1', undefined]);
    assert.notEqual(await eventLog.after('s', kept), undefined);
    assert.equal(await eventLog.after('ended', orphan), undefined);
  });
});
