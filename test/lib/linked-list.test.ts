import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkedList } from '../../src/lib/linked-list.ts';

function listOf(...values: string[]) {
  const list = new LinkedList<string>();
  return { list, links: new Map(values.map((value) => [value, list.append(value)])) };
}

test('iterates in the order of appending, any number of times', () => {
  const { list } = listOf('a', 'b', 'c');
  assert.deepEqual([...list], ['a', 'b', 'c']);
  assert.deepEqual([...list], ['a', 'b', 'c']);
  assert.deepEqual([...new LinkedList()], []);
});

for (const [which, value, rest] of [
  ['first', 'a', ['b', 'c']],
  ['middle', 'b', ['a', 'c']],
  ['last', 'c', ['a', 'b']],
] as const) {
  test(`goes on working when its ${which} member is removed and appended again`, () => {
    const { list, links } = listOf('a', 'b', 'c');
    const link = links.get(value);
    assert.ok(link);
    list.remove(link);
    assert.deepEqual([...list], rest);
    assert.equal(list.size, 2);
    list.append(value);
    assert.deepEqual([...list], [...rest, value]);
    assert.equal(list.size, 3);
  });
}

test('is empty when its only member is removed, and can be filled again', () => {
  const { list, links } = listOf('a');
  for (const link of links.values()) list.remove(link);
  assert.deepEqual([...list], []);
  assert.equal(list.size, 0);
  list.append('b');
  assert.deepEqual([...list], ['b']);
});

test('releases the neighbours of a removed member, even while its link is held', () => {
  const { list, links } = listOf('a', 'b', 'c');
  const link = links.get('b');
  assert.ok(link);
  list.remove(link);
  assert.deepEqual([link.previous, link.next], [undefined, undefined]);
});

test('visits every member when each is removed while it is visited', () => {
  const { list, links } = listOf('a', 'b', 'c');
  const visited: string[] = [];
  for (const value of list) {
    visited.push(value);
    const link = links.get(value);
    if (link) list.remove(link);
  }
  assert.deepEqual(visited, ['a', 'b', 'c']);
  assert.equal(list.size, 0);
});

for (const [value, order] of [
  ['a', ['b', 'c', 'a']],
  ['b', ['a', 'c', 'b']],
  ['c', ['a', 'b', 'c']],
] as const) {
  test(`keeps its order when ${value} of three moves to the end, and can be changed afterwards`, () => {
    const { list, links } = listOf('a', 'b', 'c');
    const link = links.get(value);
    if (link) list.moveToEnd(link);
    assert.deepEqual([...list], order);
    assert.equal(list.size, 3);
    if (link) list.remove(link);
    list.append('d');
    assert.deepEqual([...list], [...order.slice(0, 2), 'd']);
  });
}
