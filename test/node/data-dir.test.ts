/** Sessions in a file: a real process is killed, another takes its place on the same port, and clients go on. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { gate } from '../support/app.ts';
import { connectHttp } from '../support/clients.ts';
import { startHttpEntry, type HttpProcess } from '../support/process.ts';
import { SKIP_WITHOUT_SQLITE as skip, temporaryDir } from '../support/sqlite.ts';

describe('a server with MCP_DATA_DIR', { skip }, () => {
  test('that was killed goes on with its sessions, their state and their streams in the next process', async (t) => {
    const dataDir = temporaryDir(t);
    const first = await start(t, dataDir);
    const network = patientNetwork(t);
    const client = await connectHttp(t, 'v1', first.url, { fetch: network.fetch });
    const sessionId = client.transport.sessionId;
    assert.equal(await textOf(client.call('add', { value: 1 })), '1');
    await client.call('tell', { text: 'before' });
    await client.heard.next('notifications/message', { data: 'before' });
    // This one has no stream yet.
    const late = patientNetwork(t);
    late.holdStreams();
    const waiting = await connectHttp(t, 'v1', first.url, { fetch: late.fetch });
    await waiting.call('tell', { text: 'kept' });

    network.holdStreams();
    first.signal('SIGKILL');
    assert.equal((await first.exit()).signal, 'SIGKILL');
    const second = await start(t, dataDir, new URL(first.url).port);
    assert.equal(second.url, first.url);

    assert.equal(await textOf(client.call('add', { value: 2 })), '1 2');
    assert.equal(client.transport.sessionId, sessionId);
    await client.call('tell', { text: 'meanwhile' });
    network.openStreams();
    late.openStreams();
    await client.heard.next('notifications/message', { data: 'meanwhile' });
    await waiting.heard.next('notifications/message', { data: 'kept' });
    // It came back with an id that the first process had given out, and heard nothing twice.
    assert.match(network.lastEventIds.at(-1) ?? '', /^\d+\.[0-9a-f]{8}\./);
    assert.equal(client.heard.left('notifications/message'), 0);
  });

  test('that was killed has an error for the calls that it ran', async (t) => {
    const dataDir = temporaryDir(t);
    const first = await start(t, dataDir);
    const { fetch } = patientNetwork(t);
    const client = await connectHttp(t, 'v1', first.url, { fetch });
    const hanging = client.call('hang');
    await client.heard.next('notifications/message', { data: 'hanging' });
    first.signal('SIGKILL');
    await first.exit();
    await start(t, dataDir, new URL(first.url).port);
    await assert.rejects(hanging, /MCP error -32/);
  });

  test('that was stopped leaves one file, from which the next process goes on', async (t) => {
    const dataDir = temporaryDir(t);
    const first = await start(t, dataDir);
    const { fetch } = patientNetwork(t);
    const client = await connectHttp(t, 'v1', first.url, { fetch });
    await client.call('add', { value: 1 });
    first.signal('SIGTERM');
    assert.deepEqual(await first.exit(), { code: 0, signal: null });
    assert.deepEqual(readdirSync(dataDir), ['hono-mcp-server.sqlite']);
    await start(t, dataDir, new URL(first.url).port);
    assert.equal(await textOf(client.call('add', { value: 2 })), '1 2');
  });

  test('does not start while another process has its file', async (t) => {
    const dataDir = temporaryDir(t);
    await start(t, dataDir);
    await assert.rejects(start(t, dataDir), (error) => {
      const line = `MCP_DATA_DIR=${dataDir} is in use by another process: one server at a time can have it.\n`;
      assert.ok(String(error).endsWith(`: ${line}`), String(error));
      return true;
    });
  });
});

function start(t: TestContext, dataDir: string, port = '0'): Promise<HttpProcess> {
  const env = { MCP_DATA_DIR: dataDir, PORT: port, MCP_DRAIN_SECONDS: '1' };
  return startHttpEntry(t, { entry: 'test/fixtures/remembering.ts', env });
}

/** A network on which requests wait for a server, and GET streams for the test as well. */
function patientNetwork(t: TestContext) {
  const lastEventIds: string[] = [];
  let streams = gate();
  streams.open();
  const over = new AbortController();
  t.after(() => {
    over.abort();
    streams.open();
  });
  const fetchPatiently: FetchLike = async (url, init) => {
    if (init?.method === 'GET') await streams.opened;
    const lastEventId = new Headers(init?.headers).get('last-event-id');
    if (lastEventId !== null) lastEventIds.push(lastEventId);
    for (;;) {
      try {
        return await fetch(url, init);
      } catch (error) {
        if (over.signal.aborted || init?.signal?.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  };
  return {
    fetch: fetchPatiently,
    /** The ids that streams were resumed from. */
    lastEventIds,
    /** Has GET streams wait from now on. */
    holdStreams() {
      streams = gate();
    },
    openStreams: () => streams.open(),
  };
}

async function textOf(result: Promise<{ content: { text?: string }[] }>): Promise<string | undefined> {
  return (await result).content[0]?.text;
}
