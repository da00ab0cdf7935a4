import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { openEngines } from '../../src/node/engines.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startEntry } from '../support/process.ts';
import { SKIP_WITHOUT_SQLITE, temporaryDir } from '../support/sqlite.ts';

const OPTIONS = { clock: systemClock, log: createLogger({ level: 'silent' }) };
const SKIP_WITH_SQLITE = SKIP_WITHOUT_SQLITE === false && 'is for a Node.js without SQLite';

test('there are no engines to open unless a setting names some', async () => {
  assert.equal(await openEngines(loadConfig({}), OPTIONS), undefined);
});

test('MCP_DATA_DIR opens engines on a file in that directory', { skip: SKIP_WITHOUT_SQLITE }, async (t) => {
  const dataDir = temporaryDir(t);
  const engines = await openEngines(loadConfig({ MCP_DATA_DIR: dataDir }), OPTIONS);
  t.after(() => engines?.close());
  assert.equal(engines?.isAvailable(), true);
  assert.ok(existsSync(join(dataDir, 'hono-mcp-server.sqlite')));
});

test('refuses a directory that cannot be used in one line', { skip: SKIP_WITHOUT_SQLITE }, async () => {
  const belowAFile = join(fileURLToPath(import.meta.url), 'data');
  await assert.rejects(openEngines(loadConfig({ MCP_DATA_DIR: belowAFile }), OPTIONS), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /^MCP_DATA_DIR=\S+data cannot be used: ENOTDIR: [^\n]+\.$/);
    return true;
  });
});

test(
  'refuses to start with MCP_DATA_DIR on an older Node.js, and says which it needs',
  { skip: SKIP_WITH_SQLITE },
  async (t) => {
    const env = { PORT: '0', MCP_DATA_DIR: temporaryDir(t) };
    const entry = startEntry(t, 'src/http-server.ts', { env });
    assert.equal((await entry.exit()).code, 1);
    const needed = 'needs Node.js 22.13 or later, which has SQLite built in';
    assert.equal(entry.stderr, `MCP_DATA_DIR=${env.MCP_DATA_DIR} ${needed}; this is ${process.version}.\n`);
  },
);
