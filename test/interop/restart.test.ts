import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connectHttp, type ClientKind } from '../support/clients.ts';
import { NO_REDIS, startRedis } from '../support/redis.ts';
import type { CallSlugify, Stage } from './client.ts';
import { observeRestart } from './restart.ts';
import { startRestartableEntry } from './restartable-entry.ts';
import { tapHttp } from './wire.ts';

/** Connects as `kind`. */
const staying =
  (kind: ClientKind) =>
  async ({ t, url }: Stage): Promise<CallSlugify> => {
    const client = await connectHttp(t, kind, url);
    return async (text) => JSON.stringify(await client.call('slugify', { text }));
  };

/** What `stay` does when a server with `settings` is restarted. A stream that is not back after the calls is given up. */
async function observe(t: TestContext, stay: (stage: Stage) => Promise<CallSlugify>, settings = {}) {
  const server = await startRestartableEntry(t, settings);
  const { url, sent } = await tapHttp(t, server.url);
  const folder = mkdtempSync(join(tmpdir(), 'interop-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const origins = { allowed: '', refused: '' };
  const command = { command: '', args: [] };
  const stage: Stage = { t, url, sent, folder, origins, command, artifacts: folder, saw: () => {} };
  return observeRestart(stage, stay, server, 0);
}

test('tells that a client without a session goes on at once', async (t) => {
  const { worked, shown, stream } = await observe(t, staying('v2 auto'));
  assert.deepEqual({ worked, shown, stream }, { worked: 'at once', shown: undefined, stream: 'none' });
});

test('tells that a client which stays with its lost session must connect anew, and what it shows', async (t) => {
  const { worked, shown, stream } = await observe(t, staying('v1'));
  assert.equal(worked, 'after connecting anew');
  assert.match(shown ?? '', /Session not found/);
  assert.equal(stream, 'gone');
});

test('tells that a client goes on at once in a session that was kept', { skip: NO_REDIS }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  assert.equal((await observe(t, staying('v1'), { REDIS_URL: redis.url })).worked, 'at once');
});

test('tells that a client needs a second call', async (t) => {
  const stay = async (stage: Stage): Promise<CallSlugify> => {
    let call = await staying('v1')(stage);
    return async (text) => {
      try {
        return await call(text);
      } catch {
        call = await staying('v1')(stage);
        return 'try again';
      }
    };
  };
  const { worked, shown } = await observe(t, stay);
  assert.deepEqual({ worked, shown }, { worked: 'at the second call', shown: 'try again' });
});

test('fails a client that does not get so far as to be restarted under', async (t) => {
  const stay = async (): Promise<CallSlugify> => async () => 'no tools';
  await assert.rejects(observe(t, stay), /^Error: no tools$/);
});
