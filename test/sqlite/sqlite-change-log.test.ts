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
  log.flush();
  const next = new SqliteChangeLog({ database, maxChanges: 2 });
  assert.equal(next.last, 4);
  assert.deepEqual(await next.since(1), { events: [updated('c'), updated('b')], isComplete: true, last: next.last });
  assert.equal((await next.since(0)).isComplete, false);
  next.publish(updated('d'));
  assert.deepEqual((await next.since(4)).events, [updated('d')]);
  assert.deepEqual((await new SqliteChangeLog({ database }).since(0)).events, [updated('b'), updated('d')]);
});

test('writes the first change at once, and those of the next second together', { skip }, (t) => {
  const database = openDatabase(t);
  const log = new SqliteChangeLog({ database });
  const written = () => database.prepare<{ number: number }>('SELECT number FROM changes').all().length;
  for (const uri of ['a', 'b', 'c']) log.publish(updated(uri));
  assert.equal(written(), 1);
  log.flush();
  assert.equal(written(), 3);
});

test('says that anything may have changed if a process was killed before it had written all', { skip }, async (t) => {
  const database = openDatabase(t);
  const log = new SqliteChangeLog({ database });
  for (const uri of ['a', 'b', 'c']) log.publish(updated(uri));
  const next = new SqliteChangeLog({ database });
  assert.equal((await next.since(1)).isComplete, false);
  next.publish(updated('d'));
  next.flush();
  const later = new SqliteChangeLog({ database });
  assert.deepEqual(await later.since(later.last - 1), { events: [updated('d')], isComplete: true, last: later.last });
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

test('knows of changes that the file has no room for, and writes them when it has', { skip }, async (t) => {
  const database = openDatabase(t);
  const log = new SqliteChangeLog({ database });
  log.publish(updated('a'));
  log.flush();
  const told: ServerEvent[] = [];
  log.subscribe((event) => void told.push(event));
  fill(database);
  const large = updated('x'.repeat(2000));
  for (const event of [large, updated('a')]) log.publish(event);
  assert.deepEqual([told, log.last], [[large, updated('a')], 3]);
  assert.deepEqual(await log.since(0), { events: told, isComplete: true, last: log.last });
  database.prepare('PRAGMA max_page_count = 100000').get();
  log.flush();
  assert.deepEqual(await new SqliteChangeLog({ database }).since(0), {
    events: told,
    isComplete: true,
    last: log.last,
  });
});

test('holds no more changes than it keeps while the file has no room', { skip }, async (t) => {
  const database = openDatabase(t);
  const log = new SqliteChangeLog({ database, maxChanges: 2 });
  fill(database);
  for (const letter of ['a', 'b', 'c']) log.publish(updated(letter.repeat(2000)));
  assert.deepEqual(await log.since(0), { events: [], isComplete: false, last: log.last });
  assert.equal((await log.since(3)).isComplete, true);
});

test('gives no number twice that a client was told of, even if its change is not in the file', { skip }, async (t) => {
  const database = openDatabase(t);
  database.write(() => {
    database.prepare("INSERT INTO sessions VALUES ('a', '\"\"', 0, '{}', 1, NULL, '[]', 7, 1, 0)").run();
  });
  const log = new SqliteChangeLog({ database });
  assert.equal(log.last, 7);
  assert.equal((await log.since(6)).isComplete, false);
  log.publish(updated('a'));
  assert.deepEqual(await log.since(7), { events: [updated('a')], isComplete: true, last: log.last });
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
