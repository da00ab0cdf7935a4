import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerEvent } from '@modelcontextprotocol/server';
import { onceATurn } from '../../src/context/once-a-turn.ts';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';

const tools: ServerEvent = { kind: 'tools_list_changed' };
const resource: ServerEvent = { kind: 'resource_updated', uri: 'x://1' };

test('what changes several times in a turn is told once, a turn later', () => {
  const { bus, turn, heard } = listened();
  bus.subscribe((event) => heard.push(event));
  for (const event of [tools, resource, tools, resource]) bus.publish(event);
  assert.deepEqual(Array.from(heard), []);
  turn();
  assert.deepEqual(Array.from(heard), [tools, resource]);
});

test('nothing is collected while nobody listens', () => {
  const { bus, turn, waiting, heard } = listened();
  bus.publish(tools);
  const stop = [1, 2].map(() => bus.subscribe((event) => heard.push(event)));
  stop[0]?.();
  stop[0]?.();
  bus.publish(resource);
  turn();
  assert.deepEqual(Array.from(heard), [resource], 'the second goes on to listen when the first has stopped, twice');
  stop[1]?.();
  bus.publish(tools);
  assert.equal(waiting.size, 0, 'no timer for what nobody could hear');
  bus.subscribe((event) => heard.push(event));
  bus.publish(tools);
  turn();
  assert.deepEqual(Array.from(heard), [resource, tools]);
});

test('a closed bus passes nothing on', () => {
  const { bus, turn, heard } = listened();
  bus.subscribe((event) => heard.push(event));
  bus.publish(tools);
  bus.close();
  bus.publish(resource);
  turn();
  assert.deepEqual(Array.from(heard), []);
});

function listened() {
  const waiting = new Set<() => void>();
  const after = (_: number, callback: () => void) => {
    waiting.add(callback);
    return () => void waiting.delete(callback);
  };
  const turn = () => {
    for (const callback of waiting) callback();
    waiting.clear();
  };
  const heard: ServerEvent[] = [];
  return { bus: onceATurn(createMemoryChangeLog(), { after }, assert.fail), turn, waiting, heard };
}
