/** The part of the contract of `EventLog` that several nodes need: who sends a stream, what it owes, and who hears of it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { waitFor } from '../support/time.ts';
import { append, message, texts } from './append.ts';

/** @param maxEvents - What the logs of `setUp` keep of a stream. */
export function followingContract(setUp: (t: TestContext) => Promise<{ log: EventLog }>, maxEvents: number): void {
  test('gives each event of a stream to its holder once', async (t) => {
    const { log } = await setUp(t);
    assert.equal(await log.take('s', 'get', 'me'), undefined, 'there is none yet');
    await append(log, 's', 'get', undefined);
    const a = await append(log, 's', 'get', message('a'), { mayBeLost: true });
    await append(log, 's', 'other', message('x'));
    const b = await append(log, 's', 'get', message('b'), { mayBeLost: true });
    assert.deepEqual(await log.hold('s', 'get', 'me'), { told: 0, taken: 0 });
    assert.deepEqual(await log.take('s', 'get', 'me'), [
      { id: a, data: message('a') },
      { id: b, data: message('b') },
    ]);
    assert.deepEqual(await log.take('s', 'get', 'me'), []);
    const c = await append(log, 's', 'get', message('c'));
    const taken = await Promise.all([log.take('s', 'get', 'me'), log.take('s', 'get', 'me')]);
    assert.deepEqual(taken.flat(), [{ id: c, data: message('c') }]);
  });

  test('gives nothing to an earlier holder, and the new one what nobody has been given', async (t) => {
    const { log } = await setUp(t);
    await log.hold('s', 'get', 'first');
    await append(log, 's', 'get', message('a'));
    assert.deepEqual(texts(await log.take('s', 'get', 'first')), [message('a')]);
    await append(log, 's', 'get', message('b'));
    await log.hold('s', 'get', 'second');
    assert.equal(await log.take('s', 'get', 'first'), undefined);
    assert.equal(await log.append('s', 'get', message('late'), { holder: 'first' }), undefined);
    await append(log, 's', 'get', message('c'), { holder: 'second' });
    await append(log, 's', 'get', message('d'));
    assert.deepEqual(texts(await log.take('s', 'get', 'second')), ['b', 'c', 'd'].map(message));
  });

  test('gives and takes nothing as long as nobody holds a stream, nor to a holder before the log was forgotten', async (t) => {
    const { log } = await setUp(t);
    await append(log, 's', 'get', message('a'));
    assert.equal(await log.append('s', 'get', message('b'), { holder: 'me' }), undefined);
    assert.equal(await log.take('s', 'get', 'me'), undefined);
    await log.hold('s', 'get', 'me');
    assert.deepEqual(texts(await log.take('s', 'get', 'me')), [message('a')]);
    await log.delete('s');
    await append(log, 's', 'get', message('c'));
    assert.equal(await log.append('s', 'get', message('d'), { holder: 'me' }), undefined);
    assert.equal(await log.take('s', 'get', 'me'), undefined);
  });

  test('goes back to an event that the holder names', async (t) => {
    const { log } = await setUp(t);
    await log.hold('s', 'get', 'first');
    const primed = await append(log, 's', 'get', undefined);
    const a = await append(log, 's', 'get', message('a'), { mayBeLost: true });
    await append(log, 's', 'get', message('b'), { mayBeLost: true, told: 7 });
    await log.take('s', 'get', 'first');
    assert.deepEqual(await log.hold('s', 'get', 'second', a), { told: 7, taken: 2 });
    assert.deepEqual(texts(await log.take('s', 'get', 'second')), [message('b')]);
    assert.deepEqual(await log.hold('s', 'get', 'third', primed), { told: 7, taken: 1 });
    assert.deepEqual(texts(await log.take('s', 'get', 'third')), ['a', 'b'].map(message));
  });

  test('gives events again to a holder that has not got them', async (t) => {
    const { log } = await setUp(t);
    await append(log, 's', 'other', message('x'));
    for (const text of ['a', 'b']) await append(log, 's', 'get', message(text), { mayBeLost: true });
    await log.hold('s', 'get', 'first');
    for (const [after, expected] of [
      [0, ['a', 'b']],
      [2, ['b']],
      [3, []],
    ] as const) {
      assert.deepEqual(texts(await log.take('s', 'get', 'first', after)), expected.map(message), `after ${after}`);
      assert.deepEqual(await log.take('s', 'get', 'first'), []);
    }
    assert.equal(await log.take('s', 'get', 'second', 0), undefined);
    assert.deepEqual(await log.hold('s', 'get', 'second'), { told: 0, taken: 3 });
  });

  test('lets nobody hold a stream after an event that it does not know, and begins it anew for the next', async (t) => {
    const { log } = await setUp(t);
    await log.hold('s', 'get', 'first');
    const lost = await append(log, 's', 'get', message('x'), { mayBeLost: true });
    const foreign = await append(log, 'other', 'get', message('x'));
    for (let i = 0; i <= maxEvents; i += 1)
      await append(log, 's', 'get', message(`${i}`), { mayBeLost: true, told: i });
    const kept = Array.from({ length: maxEvents }, (_, index) => message(`${index + 1}`));
    for (const id of [lost, foreign, 'x']) {
      await log.take('s', 'get', 'first');
      assert.equal(await log.hold('s', 'get', 'second', id), undefined, id);
      for (const holder of ['first', 'second', '']) assert.equal(await log.take('s', 'get', holder), undefined, id);
      assert.deepEqual(await log.hold('s', 'get', 'first'), { told: 0, taken: 0 }, id);
      assert.deepEqual(texts(await log.take('s', 'get', 'first')), kept, id);
    }
    assert.equal(await log.hold('unknown', 'get', 'me', lost), undefined);
  });

  test('says who owes which answers, until each is there', async (t) => {
    const { log } = await setUp(t);
    const owed = { node: 'n', calls: [1, '1', 'b'] };
    const first = await append(log, 's', 'one', undefined, { owes: owed });
    assert.deepEqual((await log.after('s', first))?.owed, owed);
    await append(log, 's', 'one', message('progress'), { mayBeLost: true });
    await append(log, 's', 'one', message('answer'), { settles: '1' });
    assert.deepEqual((await log.after('s', first))?.owed, { node: 'n', calls: [1, 'b'] });
    for (const settles of ['1', 'c', '']) {
      assert.equal(await log.append('s', 'one', message('again'), { settles }), undefined, 'not owed');
    }
    assert.equal(await log.append('s', 'unknown', message('x'), { settles: 1 }), undefined);
    await append(log, 's', 'one', message('answer'), { settles: 'b' });
    await append(log, 's', 'one', message('answer'), { settles: 1 });
    const found = await log.after('s', first);
    assert.deepEqual([found?.owed?.calls, found?.hasEnded], [[], false]);
    assert.deepEqual(texts(found), ['progress', 'answer', 'answer', 'answer'].map(message));
  });

  test('keeps nothing of a stream that has ended, and says that it has', async (t) => {
    const { log } = await setUp(t);
    const first = await append(log, 's', 'one', undefined, { owes: { node: 'n', calls: [1] } });
    await log.end('s', 'one');
    assert.equal(await log.append('s', 'one', message('late')), undefined);
    assert.equal(await log.append('s', 'one', message('late'), { settles: 1 }), undefined);
    const found = await log.after('s', first);
    assert.deepEqual([found?.hasEnded, found?.events], [true, []]);
  });

  test('wakes who follows a session when something is appended, ends or has another holder, and nobody else', async (t) => {
    const { log } = await setUp(t);
    const woken: string[] = [];
    const other: string[] = [];
    const leave = await log.follow('s', (streamId) => void woken.push(streamId));
    const leaveOther = await log.follow('other', (streamId) => void other.push(streamId));
    await append(log, 's', 'appended', message('a'));
    await waitFor(() => woken.includes('appended'));
    await append(log, 's', 'ended', undefined);
    await waitFor(() => woken.includes('ended'));
    woken.length = 0;
    await log.end('s', 'ended');
    await waitFor(() => woken.includes('ended'));
    await log.hold('s', 'held', 'me');
    await waitFor(() => woken.includes('held'));
    leave();
    woken.length = 0;
    await append(log, 's', 'later', message('b'));
    await append(log, 'other', 'one', message('c'));
    await waitFor(() => other.includes('one'));
    assert.deepEqual(woken, []);
    assert.ok(other.every((streamId) => streamId === 'one'));
    leaveOther();
  });
}
