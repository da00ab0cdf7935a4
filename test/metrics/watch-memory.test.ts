/** The bound on memory, in a process that has little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { watchMemory } from '../../src/metrics/watch-memory.ts';
import { openSession, sessionOf } from '../support/app.ts';
import { startHttpEntry } from '../support/process.ts';
import { remoteApp } from '../support/remote.ts';
import { settled } from '../support/time.ts';

/** More than fit into the heap, with a megabyte each. */
const SESSIONS = 250;
const HEAP_MEGABYTES = 128;
const AT_ONCE = 10;

test('serves more sessions than fit into its heap, by dropping the servers of idle ones', async (t) => {
  // Whatever the suite runs with, servers are to stay in memory.
  const env = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES}`, MCP_MAX_LIVE_SESSIONS: '10000' };
  const server = await startHttpEntry(t, { entry: 'test/fixtures/large-servers.ts', env });
  const app = remoteApp(server.url);
  const ids: string[] = [];
  const open = async () => {
    while (ids.length < SESSIONS) ids.push((await openSession(app)).id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  for (const id of [ids[0], ids.at(-1)]) {
    assert.equal((await sessionOf(app, id ?? '').call('kept', {})).result?.content?.[0]?.text, '131072');
  }
  await server.stderrMatch(/level=warn msg="memory is short/);
});

test('reads after each full collection, until it is ended', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const readings: boolean[] = [];
  let wake = () => {};
  const read = new Promise<void>((resolve) => (wake = resolve));
  const end = watchMemory((isShort) => {
    readings.push(isShort);
    wake();
  });
  collect();
  await read;
  assert.equal(readings[0], false);
  end();
  const { length } = readings;
  collect();
  await settled();
  assert.equal(readings.length, length);
});
