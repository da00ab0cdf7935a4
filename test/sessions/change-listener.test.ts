/** One listener alone: how much work waits for it, and in which order. Whom it tells of what is in `changes.test.ts`. */
import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { test } from 'node:test';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { Audience, ChangeListener } from '../../src/sessions/change-listener.ts';
import { settled } from '../support/time.ts';

test('a thousand changes in a row make one listener do the work of one', async () => {
  const changes = createMemoryChangeLog();
  const audience = new Audience();
  changes.subscribe((event) => audience.tell(event));
  let sent = 0;
  const send = async () => {
    sent += 1;
    return true;
  };
  const listener = new ChangeListener({
    changes,
    audience,
    send,
    onerror: (error) => assert.fail(String(error)),
  });
  listener.add({ kind: 'tools_list_changed' });
  await listener.listen(0);
  let promises = 0;
  const hook = createHook({ init: (_id, type) => void (promises += type === 'PROMISE' ? 1 : 0) }).enable();
  for (let change = 0; change < 1000; change += 1) changes.publish({ kind: 'tools_list_changed' });
  hook.disable();
  await settled();
  assert.equal(sent, 1);
  assert.ok(promises < 20, `${promises} promises`);
  changes.publish({ kind: 'tools_list_changed' });
  await settled();
  assert.equal(sent, 2);
});

test('an attempt to catch up that was waiting when the stream broke leaves the next stream with what it has missed', async () => {
  const changes = createMemoryChangeLog();
  const told: string[] = [];
  let letSince = () => {};
  const slow = new Promise<void>((resolve) => (letSince = resolve));
  const listener = new ChangeListener({
    changes: { ...changes, last: 0, since: (number) => slow.then(() => changes.since(number)) },
    audience: new Audience(),
    send: async ({ method }) => {
      told.push(method);
      return true;
    },
    onerror: (error) => assert.fail(String(error)),
  });
  listener.add({ kind: 'tools_list_changed' });
  changes.publish({ kind: 'tools_list_changed' });
  const first = listener.listen(0);
  listener.retry();
  listener.stop();
  letSince();
  await first;
  await settled();
  assert.deepEqual(told, []);
  await listener.listen(0);
  assert.deepEqual(told, ['notifications/tools/list_changed']);
});
