import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { McpServer } from '@modelcontextprotocol/server';
import { initializeRequest, JSON_HEADERS, openSession, readStream, rpc, type TestApp } from '../support/app.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';
import { countTimers } from '../support/timers.ts';

const SESSIONS = 10_000;
const IDLE_SECONDS = 600;
/** One client in so many leaves in each of the ways. */
const WAY_EVERY = 50;
/** What stacks and caches may hold of the last sessions. */
const MAX_UNCOLLECTED = 10;
/** Fewer than there are sessions. */
const MAX_LIVE = 1000;

/** One tool for everything: it is made with each server. */
const act: Tool = async ({ args, server, context: { mcpReq } }) => {
  if (args['as'] === 'wait') return new Promise(() => {});
  if (args['as'] === 'work') return settled().then(() => mcpReq.log('info', 'done'));
  const requestedSchema = { type: 'object' as const, properties: {} };
  return server.server.elicitInput({ message: 'Sure?', requestedSchema }, { relatedRequestId: mcpReq.id });
};
const callAs = (as: string) => rpc('tools/call', { name: 'act', arguments: { as } });

/** How clients leave; most just stop coming after they have opened a session. */
const WAYS: ((app: TestApp) => Promise<unknown>)[] = [
  async function withDelete(app) {
    await (await openSession(app)).delete();
  },
  async function whileListening(app) {
    const stream = readStream(await (await openSession(app)).get());
    await stream.next();
    await stream.cancel();
  },
  async function whileListeningWithDelete(app) {
    const session = await openSession(app);
    const stream = readStream(await session.get());
    await session.delete();
    await stream.ended();
  },
  async function duringACall(app) {
    const response = await (await openSession(app)).post(callAs('work'));
    await response.body?.cancel();
  },
  async function duringACallWithDelete(app) {
    const session = await openSession(app);
    await session.post(callAs('wait'));
    await session.delete();
  },
  async function whileAsked(app) {
    const session = await openSession(app, {}, { elicitation: { form: {} } });
    await readStream(await session.post(callAs('ask'))).next();
    await session.delete();
  },
];

// Done before the first test(): the runner's watch over all that is asynchronous would double the time.
const { created, mostOpen, left, uncollected } = await abandonSessions();

test('10,000 sessions that clients leave in every way leave no server, timer, listener, record or event behind', () => {
  assert.equal(created, SESSIONS);
  // The tick is that of the time limit, which all calls share.
  assert.deepEqual(left, { servers: 0, timers: 0, ticks: 1, listeners: 0, records: 0, events: 0 });
});

test('never more than MCP_MAX_LIVE_SESSIONS servers are in memory, besides the one in use', () => {
  assert.ok(mostOpen <= MAX_LIVE + 1, `${mostOpen} at once`);
});

test('the servers of sessions that were left can be collected', () => {
  assert.ok(uncollected <= MAX_UNCOLLECTED, `${uncollected} are held`);
});

async function abandonSessions() {
  const servers = fixture({ act });
  const made: WeakRef<McpServer>[] = [];
  let most = 0;
  const env = {
    MCP_MAX_SESSIONS: String(SESSIONS),
    MCP_SESSION_IDLE_SECONDS: String(IDLE_SECONDS),
    MCP_MAX_LIVE_SESSIONS: String(MAX_LIVE),
  };
  const { app, clock, store, heldEvents } = sessionApp({}, env, {
    createServer: async (context) => {
      const server = (await servers.createServer(context)) as McpServer;
      made.push(new WeakRef(server));
      return server;
    },
  });
  const listenersBefore = countListeners();
  const timers = countTimers();
  const ticks = clock.pending;
  for (let i = 0; i < SESSIONS; i += 1) {
    await (WAYS[i % WAY_EVERY] ?? initialize)(app);
    if (i % WAY_EVERY !== 0) continue;
    most = Math.max(most, servers.open);
    // Requests need no turn of the event loop, but timers do.
    await settled();
  }
  await settled();
  await pass(clock, IDLE_SECONDS * 1000);
  timers.stop();
  await collectGarbage();
  return {
    created: made.length,
    mostOpen: most,
    left: {
      servers: servers.open,
      timers: timers.running,
      ticks: clock.pending - ticks,
      listeners: countListeners() - listenersBefore,
      records: await store.count(),
      events: await heldEvents(),
    },
    uncollected: made.filter((server) => server.deref() !== undefined).length,
  };
}

async function initialize(app: TestApp): Promise<void> {
  const response = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
  await response.text();
}

function countListeners(): number {
  return process.eventNames().reduce((count, name) => count + process.listenerCount(name), 0);
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What is finalized in one turn can free more in the next.
  for (let turn = 0; turn < 3; turn += 1) {
    collect();
    await settled();
  }
}
