/** What sessions of the 2025 revisions hear of changes, by `notify`, wherever their server and their stream are. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { createNotifier, type CreateServer, type McpContext, type Notifier } from '../../src/tools.ts';
import {
  answerOf,
  eventsIn,
  gate,
  openSession,
  readStream,
  rpc,
  sessionOf,
  type LegacySession,
  type StreamReader,
} from '../support/app.ts';
import { sessionApp, type SessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

/** So that sessions leave memory while a test runs. */
const LIVE_A_MINUTE = { MCP_LIVE_IDLE_SECONDS: '60' };
const LOG_AGE_MS = 5 * 60_000;

/** A server with everything to be told about, and nothing behind it. */
function createServer(_context?: McpContext): McpServer {
  const listChanged = { listChanged: true };
  return new McpServer(
    { name: 'changing', version: '1.0.0' },
    {
      capabilities: {
        logging: {},
        tools: listChanged,
        prompts: listChanged,
        resources: { listChanged: false, subscribe: true },
      },
    },
  );
}

interface Scene extends SessionApp {
  notify: Notifier;
  session: LegacySession;
  /** How many servers were built. */
  built: () => number;
}

async function setUp(options: Parameters<typeof sessionApp>[2] = {}): Promise<Scene> {
  const notify = createNotifier();
  let built = 0;
  const countServers: CreateServer = (context) => {
    built += 1;
    return (options.createServer ?? createServer)(context);
  };
  const context = sessionApp({}, LIVE_A_MINUTE, { notify, ...options, createServer: countServers });
  return { ...context, notify, session: await openSession(context.app), built: () => built };
}

async function subscribe(session: LegacySession, uri: string, method = 'subscribe'): Promise<void> {
  const { result } = await answerOf(await session.post(rpc(`resources/${method}`, { uri })));
  assert.deepEqual(result, {});
}

/** What was told in a stream, in short: `tools`, `prompts`, a URI, or the text of a log message. */
function toldIn(stream: StreamReader): string[] {
  return eventsIn(stream.text).flatMap(({ message }) => {
    const { method = '', params = {} } = (message ?? {}) as {
      method?: string;
      params?: { uri?: string; data?: string };
    };
    return method === '' ? [] : [params.uri ?? params.data ?? method.split('/')[1] ?? ''];
  });
}

/** Opens the GET stream, or resumes it, and reads it until nothing more comes. */
async function listen(session: LegacySession, lastEventId?: string): Promise<StreamReader> {
  const stream = readStream(await session.get(lastEventId));
  void stream.ended().catch(() => {});
  await settled();
  return stream;
}

async function breakOff(stream: StreamReader): Promise<string | undefined> {
  await stream.cancel();
  await settled();
  return eventsIn(stream.text).findLast(({ id }) => id !== undefined)?.id;
}

describe('a session with an open GET stream', () => {
  test('hears of lists that it was announced, and of resources that it has subscribed to', async () => {
    const { notify, session } = await setUp();
    await subscribe(session, 'test:mine');
    const stream = await listen(session);
    notify.toolsChanged();
    notify.resourcesChanged();
    notify.resourceUpdated('test:mine');
    notify.resourceUpdated('test:other');
    notify.promptsChanged();
    await settled();
    assert.deepEqual(toldIn(stream), ['tools', 'test:mine', 'prompts']);
    await subscribe(session, 'test:other');
    await subscribe(session, 'test:mine', 'unsubscribe');
    notify.resourceUpdated('test:mine');
    notify.resourceUpdated('test:other');
    await settled();
    assert.deepEqual(toldIn(stream).slice(3), ['test:other']);
    await stream.cancel();
  });

  test('hears once of what happens many times at a stroke', async () => {
    const { notify, session } = await setUp();
    const stream = await listen(session);
    for (let times = 0; times < 100; times += 1) notify.toolsChanged();
    await settled();
    assert.ok(toldIn(stream).length <= 2, `${toldIn(stream).length} times`);
    await stream.cancel();
  });

  test('hears on the stream that took over', async () => {
    const { notify, session } = await setUp();
    const first = await listen(session);
    const second = await listen(session);
    notify.toolsChanged();
    await settled();
    assert.deepEqual([toldIn(first), toldIn(second)], [[], ['tools']]);
    await second.cancel();
  });

  test('hears nothing of what other sessions have subscribed to', async () => {
    const { app, notify, session } = await setUp();
    const other = await openSession(app);
    await subscribe(other, 'test:theirs');
    const stream = await listen(session);
    notify.resourceUpdated('test:theirs');
    await settled();
    assert.deepEqual(toldIn(stream), []);
    await stream.cancel();
  });
});

describe('a session whose GET stream is not open', () => {
  test('hears when it opens one, of each list and resource once, and then no more', async () => {
    const { notify, session } = await setUp();
    await subscribe(session, 'test:mine');
    for (let times = 0; times < 3; times += 1) {
      notify.toolsChanged();
      notify.resourceUpdated('test:mine');
      notify.resourceUpdated('test:other');
    }
    const first = await listen(session);
    assert.deepEqual(toldIn(first), ['tools', 'test:mine']);
    await breakOff(first);
    const second = await listen(session);
    assert.deepEqual(toldIn(second), []);
    await second.cancel();
  });

  test('hears of what changed before and after its server left memory, however long ago', async () => {
    const { built, clock, notify, session } = await setUp();
    await subscribe(session, 'test:mine');
    const first = await listen(session);
    const lastEventId = await breakOff(first);
    notify.resourceUpdated('test:mine');
    await pass(clock, 85_000);
    notify.toolsChanged();
    notify.resourceUpdated('test:mine');
    await pass(clock, LOG_AGE_MS);
    const resumed = await session.get(lastEventId);
    assert.equal(resumed.status, 400, 'the event log has forgotten the session');
    const second = await listen(session);
    assert.deepEqual(toldIn(second), ['tools', 'test:mine']);
    assert.equal(built(), 2);
    await second.cancel();
  });

  test('hears nothing twice, also when its server has left memory in the meantime', async () => {
    const { clock, notify, session } = await setUp();
    const first = await listen(session);
    notify.toolsChanged();
    await settled();
    const lastEventId = await breakOff(first);
    await pass(clock, 85_000);
    const second = await listen(session, lastEventId);
    await breakOff(second);
    const third = await listen(session);
    assert.deepEqual([toldIn(first), toldIn(second), toldIn(third)], [['tools'], [], []]);
    await third.cancel();
  });

  test('hears of what was sent but lost on the way, when it resumes', async () => {
    const { notify, session } = await setUp();
    const first = await listen(session);
    const primed = eventsIn(first.text)[0]?.id;
    notify.toolsChanged();
    await settled();
    await breakOff(first);
    notify.promptsChanged();
    const second = await listen(session, primed);
    assert.deepEqual(toldIn(second), ['tools', 'prompts']);
    await second.cancel();
  });

  test('hears of all that has changed once it cannot resume, since nobody knows what it missed', async () => {
    const { clock, notify, session } = await setUp();
    const first = await listen(session);
    notify.toolsChanged();
    await settled();
    const lastEventId = await breakOff(first);
    await pass(clock, 2 * LOG_AGE_MS);
    assert.equal((await session.get(lastEventId)).status, 400);
    const second = await listen(session);
    assert.deepEqual(toldIn(second), ['tools']);
    await second.cancel();
  });

  test('hears on another node, or after a restart', async () => {
    const changes = createMemoryChangeLog();
    const scene = await setUp({ changes });
    await subscribe(scene.session, 'test:mine');
    await breakOff(await listen(scene.session));
    scene.notify.resourceUpdated('test:mine');
    const there = sessionOf(scene.another(), scene.session.id);
    const stream = await listen(there);
    assert.deepEqual(toldIn(stream), ['test:mine']);
    await stream.cancel();
  });

  test('is told that anything may have changed once the log has forgotten what has', async () => {
    const { notify, session } = await setUp({ changes: createMemoryChangeLog({ maxChanges: 2 }) });
    await subscribe(session, 'test:mine');
    for (const name of ['a', 'b', 'c']) notify.resourceUpdated(`test:${name}`);
    const stream = await listen(session);
    assert.deepEqual(toldIn(stream).toSorted(), ['prompts', 'test:mine', 'tools']);
    await stream.cancel();
  });

  test('is not told of changes before it was opened', async () => {
    const { app, notify } = await setUp();
    notify.toolsChanged();
    const stream = await listen(await openSession(app));
    assert.deepEqual(toldIn(stream), []);
    await stream.cancel();
  });

  test('still hears of live changes when the log of changes is unavailable, and of missed ones later', async () => {
    const log = createMemoryChangeLog();
    let isAvailable = false;
    const changes = {
      ...log,
      get last() {
        return log.last;
      },
      since: (number: number) => (isAvailable ? log.since(number) : Promise.reject(new Error('unavailable'))),
    };
    const { notify, session } = await setUp({ changes });
    notify.promptsChanged();
    const first = await listen(session);
    notify.toolsChanged();
    await settled();
    assert.deepEqual(toldIn(first), ['tools']);
    isAvailable = true;
    await breakOff(first);
    const second = await listen(session);
    assert.deepEqual(toldIn(second), ['prompts', 'tools']);
    await second.cancel();
  });
});

describe('subscriptions', () => {
  test('are answered -32601 by a server that has not announced them', async () => {
    const plain = () => new McpServer({ name: 'plain', version: '1.0.0' }, { capabilities: { resources: {} } });
    const { session } = await setUp({ createServer: plain });
    const { error } = await answerOf(await session.post(rpc('resources/subscribe', { uri: 'test:mine' })));
    assert.equal(error?.code, -32601);
  });

  test("are refused by the author's own handler, if there is one", async () => {
    const { notify, session } = await setUp({
      createServer: () => {
        const server = createServer();
        server.server.setRequestHandler('resources/subscribe', ({ params }) => {
          if (params.uri !== 'test:known') throw new Error('No such resource');
          return {};
        });
        return server;
      },
    });
    const refused = await answerOf(await session.post(rpc('resources/subscribe', { uri: 'test:unknown' })));
    assert.match(refused.error?.message ?? '', /No such resource/);
    await subscribe(session, 'test:known');
    const stream = await listen(session);
    notify.resourceUpdated('test:unknown');
    notify.resourceUpdated('test:known');
    await settled();
    assert.deepEqual(toldIn(stream), ['test:known']);
    await stream.cancel();
  });

  test('are refused without a URI', async () => {
    const { session } = await setUp();
    const { error } = await answerOf(await session.post(rpc('resources/subscribe', {})));
    assert.match(error?.message ?? '', /expected string/);
  });
});

describe('a log message to a session', () => {
  const log = (notify: Notifier, id: string, data: string, level: 'info' | 'error' = 'info') =>
    notify.log(id, { level, data });

  test('is sent on its GET stream, and to no other session', async () => {
    const { app, notify, session } = await setUp();
    const [mine, theirs] = [await listen(session), await listen(await openSession(app))];
    log(notify, session.id, 'hello');
    await settled();
    assert.deepEqual([toldIn(mine), toldIn(theirs)], [['hello'], []]);
    await Promise.all([mine.cancel(), theirs.cancel()]);
  });

  test('waits for the next stream, in memory or not, in order and once', async () => {
    const { another, notify, session } = await setUp();
    log(notify, session.id, 'a');
    await settled();
    log(notify, session.id, 'b');
    await settled();
    const there = sessionOf(another(), session.id);
    const first = await listen(there);
    assert.deepEqual(toldIn(first), ['a', 'b']);
    await breakOff(first);
    const second = await listen(there);
    assert.deepEqual(toldIn(second), []);
    await second.cancel();
  });

  test('is not lost when the server leaves memory while an engine is still logging it', async () => {
    const { clock, app, eventLog, notify, session } = await setUp();
    const engine = { ...eventLog };
    const logging = gate();
    eventLog.append = async (...event) => {
      await logging.opened;
      return engine.append(...event);
    };
    for (const data of ['a', 'b', 'c']) log(notify, session.id, data);
    await pass(clock, 85_000);
    logging.open();
    await settled();
    const stream = await listen(sessionOf(app, session.id));
    assert.deepEqual(toldIn(stream), ['a', 'b', 'c']);
    await stream.cancel();
  });

  test("keeps to the client's level, in memory or not", async () => {
    const { clock, notify, session } = await setUp();
    assert.deepEqual((await answerOf(await session.post(rpc('logging/setLevel', { level: 'error' })))).result, {});
    log(notify, session.id, 'too low');
    log(notify, session.id, 'high enough', 'error');
    await pass(clock, 85_000);
    log(notify, session.id, 'too low');
    log(notify, session.id, 'high enough again', 'error');
    await settled();
    const stream = await listen(session);
    assert.deepEqual(toldIn(stream), ['high enough', 'high enough again']);
    await stream.cancel();
  });

  test('goes nowhere if the session has ended, or never was', async () => {
    const { eventLog, notify, session } = await setUp();
    await session.delete();
    log(notify, session.id, 'late');
    log(notify, 'never', 'late');
    await settled();
    assert.deepEqual(await eventLog.tail(session.id, 'get'), []);
    assert.deepEqual(await eventLog.tail('never', 'get'), []);
  });

  test('goes nowhere if the server has not announced logging', async () => {
    const { notify, session } = await setUp({
      createServer: () => new McpServer({ name: 'silent', version: '1.0.0' }, { capabilities: {} }),
    });
    const stream = await listen(session);
    log(notify, session.id, 'hello');
    await settled();
    assert.deepEqual(toldIn(stream), []);
    await stream.cancel();
  });
});

test('a notifier tells nobody any more once the app has stopped', async () => {
  const { app, eventLog, notify, session } = await setUp();
  await app.drain();
  notify.log(session.id, { level: 'info', data: 'late' });
  notify.toolsChanged();
  await settled();
  assert.deepEqual(await eventLog.tail(session.id, 'get'), []);
});
