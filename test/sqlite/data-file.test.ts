import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parseEventId } from '../../src/contracts/event-id.ts';
import { DataFileError, FILE_NAME, openDataFile } from '../../src/sqlite/data-file.ts';
import { startEntry } from '../support/process.ts';
import {
  keepLog,
  openDatabase,
  openEngines,
  SKIP_WITHOUT_SQLITE as skip,
  temporaryDir,
  type Logged,
} from '../support/sqlite.ts';

const NOW = Date.UTC(2026, 10, 30, 9, 10, 25);
const SET_ASIDE = `${FILE_NAME}.corrupt-20261130T091025Z`;

describe('the data file', { skip }, () => {
  test('is made along with its directory, and is for its owner alone', (t) => {
    const dataDir = join(temporaryDir(t), 'a', 'b');
    const database = openDatabase(t, { dataDir });
    database.write(() => database.prepare("INSERT INTO numbers VALUES ('a', 1)").run());
    const modes = ['', FILE_NAME, `${FILE_NAME}-wal`].map((name) => statSync(join(dataDir, name)).mode & 0o777);
    assert.deepEqual(modes, [0o700, 0o600, 0o600]);
  });

  test('that has just been made by somebody is opened as a new one', (t) => {
    const dataDir = temporaryDir(t);
    writeFileSync(join(dataDir, FILE_NAME), '');
    assert.equal(openDatabase(t, { dataDir }).isAvailable, true);
  });

  test('is refused if its directory cannot be made, or the file cannot be opened', (t) => {
    const dataDir = temporaryDir(t);
    writeFileSync(join(dataDir, 'file'), '');
    assert.match(refusalOf(t, join(dataDir, 'file', 'x')), /^cannot be used: ENOTDIR: [^\n]+$/);
    mkdirSync(join(dataDir, FILE_NAME));
    assert.match(refusalOf(t, dataDir), /^cannot be used: EISDIR: [^\n]+$/);
  });

  test('is given to one process at a time, and to the next when that is killed, with everything it has acknowledged', async (t) => {
    const dataDir = temporaryDir(t);
    const writer = startEntry(t, 'test/fixtures/sqlite-writer.ts', { args: [dataDir] });
    await writer.stdoutMatch(/^501\./m);
    assert.equal(refusalOf(t, dataDir), 'is in use by another process: one server at a time can have it');
    writer.signal('SIGKILL');
    await writer.exit();

    const { eventLog, sessionStore } = openEngines(t, dataDir);
    assert.notEqual(await sessionStore.get('s'), undefined);
    const second = startEntry(t, 'test/fixtures/sqlite-writer.ts', { args: [dataDir] });
    await second.stderrMatch(/DataFileError: is in use by another process/);
    assert.equal((await second.exit()).code, 1);

    const acknowledged = writer.stdout.split('\n').slice(0, -1);
    assert.ok(acknowledged.length > 500);
    const first = acknowledged.filter(
      (id) => parseEventId(id)?.number.toString().endsWith('01') || id.startsWith('1.'),
    );
    const kept = new Set(acknowledged.slice(0, 1));
    for (const id of first) {
      kept.add(id);
      for (const event of (await eventLog.after('s', id))?.events ?? []) kept.add(event.id);
    }
    assert.deepEqual(
      acknowledged.filter((id) => !kept.has(id)),
      [],
    );
  });

  test('that is corrupt is set aside and said in the log, and a new one is begun', async (t) => {
    const damages: [what: string, damage: (file: string) => void][] = [
      ['is not a database', (file) => writeFileSync(file, 'x'.repeat(10_000))],
      ['is cut off', (file) => truncateSync(file, 3 * 4096)],
      ['has a damaged page', (file) => writeFileSync(file, damaged(readFileSync(file)))],
    ];
    for (const [what, damage] of damages) {
      const dataDir = temporaryDir(t);
      await writeSession(t, dataDir);
      damage(join(dataDir, FILE_NAME));
      const { lines, log } = keepLog();
      const database = openDatabase(t, { dataDir, now: () => NOW, log });
      assert.deepEqual(database.prepare('SELECT * FROM sessions').all(), [], what);
      assertSetAside(lines, what);
      assert.ok(readdirSync(dataDir).includes(SET_ASIDE), what);
      assert.equal(statSync(join(dataDir, FILE_NAME)).mode & 0o777, 0o600);
    }
  });

  test('of an older schema gets the newer one, and keeps what it has', (t) => {
    const dataDir = temporaryDir(t);
    const first = "CREATE TABLE numbers (name TEXT); INSERT INTO numbers VALUES ('old')";
    openDatabase(t, { dataDir, steps: [first] }).close();
    const steps = [first, 'ALTER TABLE numbers ADD COLUMN value INTEGER DEFAULT 7'];
    for (let start = 0; start < 2; start += 1) {
      const database = openDatabase(t, { dataDir, steps });
      assert.deepEqual({ ...database.prepare<object>('SELECT * FROM numbers').get() }, { name: 'old', value: 7 });
      database.close();
    }
  });

  test('stays as it was if the step to a newer schema fails', (t) => {
    const dataDir = temporaryDir(t);
    const first = "CREATE TABLE numbers (name TEXT); INSERT INTO numbers VALUES ('old')";
    openDatabase(t, { dataDir, steps: [first] }).close();
    assert.match(refusalOf(t, dataDir, [first, 'DROP TABLE numbers', 'nonsense']), /^cannot be used: [^\n]+$/);
    assert.deepEqual(
      openDatabase(t, { dataDir, steps: [first] })
        .prepare<object>('SELECT * FROM numbers')
        .all().length,
      1,
    );
  });

  test('of a newer schema is refused and left alone', (t) => {
    const dataDir = temporaryDir(t);
    openDatabase(t, { dataDir, steps: ['CREATE TABLE a (b)', 'CREATE TABLE c (d)'] }).close();
    const before = readFileSync(join(dataDir, FILE_NAME));
    assert.equal(
      refusalOf(t, dataDir),
      `has a ${FILE_NAME} of a newer version of this server (schema 2, this one knows 1): ` +
        'run that version, or move the file away to start without its sessions',
    );
    assert.deepEqual(readFileSync(join(dataDir, FILE_NAME)), before);
    assert.deepEqual(readdirSync(dataDir), [FILE_NAME]);
  });

  test('of another program is refused and left alone', (t) => {
    const dataDir = temporaryDir(t);
    const database = openDatabase(t, { dataDir, steps: ['CREATE TABLE a (b)'] });
    database.prepare('PRAGMA application_id = 7').run();
    database.close();
    const before = readFileSync(join(dataDir, FILE_NAME));
    assert.equal(refusalOf(t, dataDir), `has a ${FILE_NAME} that is not of this server: name another directory`);
    assert.deepEqual(readFileSync(join(dataDir, FILE_NAME)), before);
  });
});

test('there is no data file on a Node.js without SQLite', { skip: skip === false && 'this one has it' }, (t) => {
  assert.match(
    refusalOf(t, temporaryDir(t)),
    /^needs Node\.js 22\.13 or later, which has SQLite built in; this is v\S+$/,
  );
});

/** Why a directory is refused. */
function refusalOf(t: TestContext, dataDir: string, steps?: string[]): string {
  try {
    const database = openDataFile({ dataDir, now: Date.now, log: keepLog().log, ...(steps && { steps }) });
    t.after(() => database.close());
  } catch (error) {
    assert.ok(error instanceof DataFileError, String(error));
    return error.message;
  }
  return assert.fail('it is opened');
}

async function writeSession(t: TestContext, dataDir: string): Promise<void> {
  const engines = openEngines(t, dataDir);
  const rest = { principal: '', createdAt: 0, initialized: true, subscriptions: [], toldChange: 0, version: 1 };
  for (let index = 0; index < 100; index += 1) {
    await engines.sessionStore.create({ id: `${index}`, initialize: JSON.stringify('x'.repeat(1000)), ...rest });
  }
  await engines.close();
}

/** The file with nonsense in the middle of it. */
function damaged(file: Buffer): Buffer {
  return file.fill(0x55, file.length / 2 - 5000, file.length / 2 + 5000);
}

function assertSetAside(lines: Logged[], what: string): void {
  const [[level, message, fields] = []] = lines;
  assert.equal(level, 'error', what);
  assert.equal(message, 'the data file is corrupt: it was set aside, and a new one begun');
  assert.equal(fields?.['setAsideAs'], SET_ASIDE);
}
