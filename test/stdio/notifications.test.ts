/** What the client of a stdio connection hears of changes, by `notify`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import { createNotifier, type McpContext, type Notifier } from '../../src/tools.ts';
import { initializeRequest, modernRequest, rpc } from '../support/app.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { STDIO_ERAS, wireInProcess, type StdioWire } from '../support/stdio-wire.ts';
import { settled } from '../support/time.ts';

const LISTEN = { notifications: { toolsListChanged: true, resourceSubscriptions: ['test:mine'] } };

/** A connection to a server with everything to be told about, and the contexts that it was built for. */
function connect(t: Parameters<typeof wireInProcess>[0]) {
  const notify = createNotifier();
  const contexts: McpContext[] = [];
  const createServer = (context: McpContext) => {
    contexts.push(context);
    const capabilities = {
      logging: {},
      tools: { listChanged: true },
      prompts: { listChanged: false },
      resources: { subscribe: true },
    };
    return new McpServer({ name: 'changing', version: '1.0.0' }, { capabilities });
  };
  return { wire: wireInProcess(t, createServer, systemClock, notify), notify, contexts };
}

/** The notifications so far, in short: the method, and the URI or the text. */
function notified(wire: StdioWire): string[] {
  return wire.messages().flatMap(({ method, params }) => {
    if (typeof method !== 'string') return [];
    const { uri, data } = (params ?? {}) as { uri?: string; data?: string };
    return [[method.slice('notifications/'.length), uri ?? data].filter(Boolean).join(' ')];
  });
}

/** Waits until the server has answered, so that everything before is on stdout. */
async function settle(wire: StdioWire, request: { id: string | number }): Promise<void> {
  wire.send(request);
  await wire.answer(request);
}

test('a client of the 2025 revisions hears of announced lists, of its subscriptions, and of log messages', async (t) => {
  const { wire, notify, contexts } = connect(t);
  notify.toolsChanged();
  for (const message of STDIO_ERAS[2025].opening) wire.send(message);
  await settle(wire, rpc('resources/subscribe', { uri: 'test:mine' }));
  notify.toolsChanged();
  notify.promptsChanged();
  notify.resourceUpdated('test:mine');
  notify.resourceUpdated('test:other');
  const [context] = contexts;
  notify.log(context?.sessionId ?? '', { level: 'info', data: 'hello' });
  notify.log('another', { level: 'info', data: 'not for here' });
  await settle(wire, rpc('resources/unsubscribe', { uri: 'test:mine' }));
  notify.resourceUpdated('test:mine');
  await settle(wire, rpc('ping'));
  assert.deepEqual(notified(wire), ['tools/list_changed', 'resources/updated test:mine', 'message hello']);
});

test('a client of 2026-07-28 hears of what it listens to', async (t) => {
  const { wire, notify, contexts } = connect(t);
  for (const message of STDIO_ERAS[2026].opening) wire.send(message);
  wire.send(modernRequest('subscriptions/listen', LISTEN, { id: 'mine' }).body);
  await wire.match(/subscriptions\/acknowledged/);
  notify.toolsChanged();
  notify.promptsChanged();
  notify.resourceUpdated('test:mine');
  notify.resourceUpdated('test:other');
  await settle(wire, modernRequest('server/discover').body);
  assert.deepEqual(notified(wire).slice(1), ['tools/list_changed', 'resources/updated test:mine']);
  assert.equal(contexts.at(-1)?.sessionId, undefined);
});

for (const [era, { opening }] of Object.entries(STDIO_ERAS)) {
  test(`a client of ${era} that does not read takes no memory for a flood of changes, and hears of the last of each`, async (t) => {
    const { wire, notify } = connect(t);
    for (const message of opening) wire.send(message);
    // One of them is for this era.
    wire.send(rpc('resources/subscribe', { uri: 'test:mine' }));
    wire.send(modernRequest('subscriptions/listen', LISTEN, { id: 'mine' }).body);
    await wire.match(/"id":"mine"|subscriptions\/acknowledged/);
    await settled();
    wire.stdout.pause();
    for (let times = 0; times < 10_000; times += 1) notify.toolsChanged();
    notify.resourceUpdated('test:mine');
    await settled();
    // Node.js 22 has larger buffers than 20. All of the changes would take 700 kB.
    const { writableLength, readableLength, writableHighWaterMark, readableHighWaterMark } = wire.stdout;
    assert.ok(writableLength + readableLength < writableHighWaterMark + readableHighWaterMark + 10_000);
    wire.stdout.resume();
    while (wire.stdout.writableLength > 0) await settled();
    await settled();
    const told = notified(wire).filter((text) => text === 'tools/list_changed').length;
    assert.ok(told > 0 && told < 5000, `told ${told} times`);
    assert.ok(notified(wire).includes('resources/updated test:mine'));
  });
}

test('a notifier knows nothing of a connection that has closed', async (t) => {
  const notify = createNotifier();
  let attached = 0;
  const counting: Notifier = {
    ...notify,
    attach(host) {
      const detach = notify.attach(host);
      attached += 1;
      return () => {
        attached -= 1;
        detach();
      };
    },
  };
  const wire = wireInProcess(t, () => new McpServer({ name: 'plain', version: '1.0.0' }), systemClock, counting);
  await settle(wire, initializeRequest());
  assert.equal(attached, 1);
  wire.end();
  await settled();
  assert.equal(attached, 0);
});

test('a connection is a session in the 2025 revisions, of the user of the process', async (t) => {
  const { wire, contexts } = connect(t);
  await settle(wire, initializeRequest());
  assert.equal(contexts.at(-1)?.caller?.issuer, 'stdio');
  assert.match(contexts.at(-1)?.sessionId ?? '', /^[\w-]{36}$/);
});
