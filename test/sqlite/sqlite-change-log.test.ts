import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerEvent } from '@modelcontextprotocol/server';
import { SqliteChangeLog } from '../../src/sqlite/sqlite-change-log.ts';
import { changeLogContract } from '../contracts/change-log.contract.ts';
import { openDatabase, SKIP_WITHOUT_SQLITE as skip, withSqlite } from '../support/sqlite.ts';

withSqlite('change log contract: SQLite', () => {
  changeLogContract('SQLite', (options, t) => new SqliteChangeLog({ ...options, database: openDatabase(t) }));
});

const updated = (uri: string): ServerEvent => ({ kind: 'resource_updated', uri });

test('goes on with its numbers, and knows what it has forgotten, in the next process', { skip }, async (t) => {
  const database = openDatabase(t);
  const log = new SqliteChangeLog({ database, maxChanges: 2 });
  for (const uri of ['a', 'b', 'c', 'b']) log.publish(updated(uri));
  const next = new SqliteChangeLog({ database, maxChanges: 2 });
  assert.equal(next.last, 4);
  assert.deepEqual(await next.since(1), { events: [updated('c'), updated('b')], isComplete: true });
  assert.equal((await next.since(0)).isComplete, false);
  next.publish(updated('d'));
  assert.deepEqual((await next.since(4)).events, [updated('d')]);
  assert.deepEqual((await new SqliteChangeLog({ database }).since(0)).events, [updated('b'), updated('d')]);
});

test('does not keep a URI that is too long to subscribe to, but tells listeners', { skip }, async (t) => {
  const log = new SqliteChangeLog({ database: openDatabase(t) });
  const told: ServerEvent[] = [];
  log.subscribe((event) => void told.push(event));
  const events = ['x'.repeat(2048), 'x'.repeat(2049)].map(updated);
  for (const event of events) log.publish(event);
  assert.deepEqual(told, events);
  assert.deepEqual((await log.since(0)).events, events.slice(0, 1));
});

test(
  'tells listeners of a change that the file has no room for, and that it may not know of all',
  { skip },
  async (t) => {
    const database = openDatabase(t);
    const log = new SqliteChangeLog({ database });
    log.publish(updated('a'));
    const told: ServerEvent[] = [];
    log.subscribe((event) => void told.push(event));
    fill(database);
    log.publish(updated('x'.repeat(2000)));
    assert.deepEqual([told.length, log.last], [1, 2]);
    assert.equal((await log.since(1)).isComplete, false);
    assert.equal((await log.since(2)).isComplete, true);
    database.prepare('PRAGMA max_page_count = 100000').get();
    log.flush();
    assert.equal(new SqliteChangeLog({ database }).last, 2);
    assert.equal((await new SqliteChangeLog({ database }).since(1)).isComplete, false);
  },
);

test('gives no number twice that a client was told of, even if its change is not in the file', { skip }, async (t) => {
  const database = openDatabase(t);
  database.write(() => {
    database.prepare("INSERT INTO sessions VALUES ('a', '\"\"', 0, '{}', 1, NULL, '[]', 7, 1, 0)").run();
  });
  const log = new SqliteChangeLog({ database });
  assert.equal(log.last, 7);
  assert.equal((await log.since(6)).isComplete, false);
  log.publish(updated('a'));
  assert.deepEqual(await log.since(7), { events: [updated('a')], isComplete: true });
});

/** Lets the file grow no more. */
function fill(database: ReturnType<typeof openDatabase>): void {
  database.prepare('PRAGMA max_page_count = 1').get();
  // Rows still fit into the pages there are.
  const insert = database.prepare('INSERT INTO changes VALUES (?, ?, ?)');
  for (let number = 1_000_000; database.isAvailable; number += 1) {
    try {
      database.write(() => insert.run(`filler ${number}`, number, 'x'.repeat(100)));
    } catch {
      database.write(() => database.prepare('DELETE FROM changes WHERE number >= 1000000').run());
      return;
    }
  }
}
