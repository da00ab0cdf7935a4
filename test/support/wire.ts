/**
 * The app on a real socket in this process, so that a test can count what it holds while it is under attack.
 *
 * The session of a bystander must keep working through every case (`assertWell`), and in the end nothing
 * may be left behind (`assertNothingLeft`).
 */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { request, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { mock } from 'node:test';
import { format } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { McpServer } from '@modelcontextprotocol/server';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { listen } from '../../src/node/listen.ts';
import { readIncoming } from '../../src/node/read-incoming.ts';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { JSON_HEADERS, LATEST_LEGACY, messagesIn, initializeRequest, rpc, type RpcAnswer } from './app.ts';
import { manualClock, type ManualClock } from './clock.ts';
import { createTestServer } from './test-server.ts';
import { pass } from './time.ts';

/** Longer than anything is kept: idle sessions for 30 minutes, their events for 5. */
const LONG_MS = 40 * 60 * 1000;
/** Longer than a session with nothing attached stays in memory, and shorter than its record is kept. */
const SHORT_MS = 2 * 60 * 1000;
/** Generous: after its first thousand cases, a process keeps compiled code and a few caches. */
const MAX_HEAP_GROWTH_BYTES = 48 * 1024 * 1024;
/** Node.js and the adapter add about twenty to a socket and its request; a leak adds more without end. */
const MAX_SOCKET_LISTENERS = 40;
/** What is still there by then counts as left behind. Only a failing test waits this long. */
const DEADLINE_MS = 20_000;

export interface WireSession {
  id: string;
  /** The headers of a request of this session. */
  headers: Record<string, string>;
}

export interface Wire {
  port: number;
  clock: ManualClock;
  /** Sends a request on a connection of its own. A string or bytes go as they are, anything else as JSON. */
  fetch(method: string, headers: Record<string, string>, body?: unknown): Promise<Response>;
  openSession(): Promise<WireSession>;
  /** Open connections, including the bystander's during a call. */
  sockets(): Promise<number>;
  /** The size of the heap when nothing is in use and sessions are only records. */
  heapAtRest(): Promise<number>;
  /** Fails unless the bystander's session still answers and nothing has been logged or reported. */
  assertWell(): Promise<void>;
  /** Waits until everything that can be released has been, and remembers what is left. */
  rememberWhatIsThere(): Promise<void>;
  /** Does the same, and fails if there is more than was remembered. */
  assertNothingLeft(): Promise<void>;
  /** Stops. Fails if a call that has ended is still counted. */
  close(): Promise<void>;
}

/** Starts the app; `env` are its settings. */
export async function startWire(env: Record<string, string> = {}): Promise<Wire> {
  const clock = manualClock();
  const config = loadConfig({ PORT: '0', LOG_LEVEL: 'error', MCP_LIVE_IDLE_SECONDS: '60', ...env });
  const complaints = collectComplaints();
  const sessionStore = createMemorySessionStore({ idleMs: config.sessionIdleSeconds * 1000, clock });
  const eventLog = watchedEventLog(clock);
  const servers = countedServers();
  const app = createApp(() => servers.create(), {
    config,
    clock,
    sessionStore,
    eventLog,
    readBody: readIncoming,
    log: createLogger({ level: config.logLevel, write: complaints.add }),
  });
  const listener = await listen(app, config);
  const watch = watchSockets(listener.port);

  async function count() {
    return {
      servers: servers.open,
      records: await sessionStore.count(),
      sessionsWithEvents: await eventLog.sessions(),
      sockets: await watch.sockets(),
      serverListeners: watch.server ? listenersOf(watch.server) : 0,
      processListeners: listenersOf(process),
    };
  }

  async function countAtRest() {
    await reached(async () => {
      await pass(clock, LONG_MS);
      const { records, sessionsWithEvents, sockets } = await count();
      return records + sessionsWithEvents + servers.open + sockets === 0;
    }).catch(() => {});
    collectGarbage();
    return { ...(await count()), heapBytes: process.memoryUsage().heapUsed };
  }

  const wire: Wire = {
    port: listener.port,
    clock,
    sockets: watch.sockets,
    fetch(method, headers, body) {
      const init: RequestInit = { method, headers: { connection: 'close', ...headers } };
      if (body !== undefined) init.body = isSentAsIs(body) ? body : JSON.stringify(body);
      return fetch(`http://127.0.0.1:${listener.port}/mcp`, init);
    },
    async openSession() {
      const opened = await wire.fetch('POST', JSON_HEADERS, initializeRequest());
      await opened.text();
      const id = opened.headers.get('mcp-session-id') ?? '';
      const headers = { ...JSON_HEADERS, 'mcp-session-id': id, 'mcp-protocol-version': LATEST_LEGACY };
      const initialized = await wire.fetch('POST', headers, { jsonrpc: '2.0', method: 'notifications/initialized' });
      assert.deepEqual([opened.status, initialized.status], [200, 202]);
      return { id, headers };
    },
    async heapAtRest() {
      await pass(clock, SHORT_MS);
      collectGarbage();
      return process.memoryUsage().heapUsed;
    },
    async assertWell() {
      const number = ++calls;
      const call = rpc('tools/call', { name: 'echo', arguments: { text: `Call ${number}` } }, `call ${number}`);
      const { status, text } = await postPlainly(listener.port, bystander.headers, call);
      assert.equal(status, 200, 'the bystander is served');
      const answer = messagesIn(text).at(-1) as Partial<RpcAnswer> | undefined;
      const found = [answer?.id, answer?.result?.['structuredContent']];
      assert.deepEqual(found, [call.id, { echo: `Call ${number}` }]);
      complaints.assertNone();
      assert.equal(Object.keys(Object.prototype).length, 0, 'the prototype of all objects is as it was');
      assert.ok(watch.maxListeners <= MAX_SOCKET_LISTENERS, `a socket had ${watch.maxListeners} listeners`);
    },
    async rememberWhatIsThere() {
      remembered = await countAtRest();
      bystander = await wire.openSession();
    },
    async assertNothingLeft() {
      assert.ok(remembered, 'something was remembered');
      const { heapBytes: heapBytesThen, ...then } = remembered;
      const { heapBytes, ...now } = await countAtRest();
      assert.deepEqual(now, then, 'what is held now, and what was then');
      const growth = heapBytes - heapBytesThen;
      assert.ok(growth < MAX_HEAP_GROWTH_BYTES, `the heap has grown by ${growth} bytes`);
      bystander = await wire.openSession();
    },
    async close() {
      let cut: number | undefined;
      const drained = app.drain().then((number) => (cut = number));
      // Running calls end by themselves. A call that is only counted never does, and is cut when its time is up.
      await reached(async () => cut !== undefined).catch(() => clock.advance(config.drainSeconds * 1000));
      await drained;
      await listener.close();
      watch.stop();
      complaints.stop();
      assert.equal(cut, 0, 'no call is counted that has ended');
      complaints.assertNone();
    },
  };

  let calls = 0;
  let bystander = await wire.openSession();
  let remembered: Awaited<ReturnType<typeof countAtRest>> | undefined;
  return wire;
}

/** Collects reports of anything unexpected: from the log, the console and the process. */
function collectComplaints() {
  const complaints: string[] = [];
  const add = (...args: unknown[]) => {
    const complaint = format(...args.map((arg) => (arg instanceof Error ? (arg.stack ?? String(arg)) : arg)));
    // This is how the adapter reports a client that was dropped.
    if (complaint !== 'Error: The reader is too slow') complaints.push(complaint);
  };
  const { mock: error } = mock.method(console, 'error', add);
  const { mock: warn } = mock.method(console, 'warn', add);
  process.on('warning', add);
  process.on('unhandledRejection', add);
  return {
    add,
    // Each is reported once.
    assertNone: () => assert.deepEqual(complaints.splice(0), [], 'nothing is complained of'),
    stop() {
      process.off('warning', add);
      process.off('unhandledRejection', add);
      error.restore();
      warn.restore();
    },
  };
}

/** Creates test servers and counts those that are connected. */
function countedServers() {
  const servers = new Set<WeakRef<McpServer>>();
  return {
    get open() {
      for (const server of servers) if (!server.deref()) servers.delete(server);
      return [...servers].filter((server) => server.deref()?.isConnected()).length;
    },
    create(): McpServer {
      const server = createTestServer();
      servers.add(new WeakRef(server));
      return server;
    },
  };
}

/** An event log that knows for how many sessions it holds events. */
function watchedEventLog(clock: ManualClock): EventLog & { sessions(): Promise<number> } {
  const log = createMemoryEventLog({ clock });
  const lastIds = new Map<string, string>();
  return {
    ...log,
    async append(sessionId, ...event) {
      const id = await log.append(sessionId, ...event);
      if (id !== undefined) lastIds.set(sessionId, id);
      return id;
    },
    async sessions() {
      for (const [sessionId, eventId] of lastIds) {
        if ((await log.after(sessionId, eventId)) === undefined) lastIds.delete(sessionId);
      }
      return lastIds.size;
    },
  };
}

/** POSTs without `fetch`, which would cost more than the server; there are thousands of these calls. */
function postPlainly(port: number, headers: Record<string, string>, body: unknown) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', path: '/mcp', method: 'POST', headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject).on('end', () => resolve({ status: response.statusCode, text }));
      },
    );
    sent.on('error', reject).end(JSON.stringify(body));
  });
}

/** Finds the HTTP server behind a port when it gets its first request, and watches its sockets. */
function watchSockets(port: number) {
  let server: Server | undefined;
  let maxListeners = 0;
  const onRequest = (message: unknown) => {
    const { server: receiver, socket } = message as { server: Server; socket: Socket };
    if (socket.localPort !== port) return;
    server = receiver;
    maxListeners = Math.max(maxListeners, listenersOf(socket));
  };
  subscribe('http.server.request.start', onRequest);
  return {
    get server() {
      return server;
    },
    get maxListeners() {
      return maxListeners;
    },
    sockets: () =>
      new Promise<number>((resolve) => server?.getConnections((_, number) => resolve(number)) ?? resolve(0)),
    stop: () => void unsubscribe('http.server.request.start', onRequest),
  };
}

/** Waits until `condition` holds. */
export async function reached(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('It did not come to pass');
}

function listenersOf(emitter: Pick<EventEmitter, 'eventNames' | 'listenerCount'>): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

function isSentAsIs(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array;
}

let gc: (() => void) | undefined;

/** Collects garbage, without a flag on the command line. */
function collectGarbage(): void {
  if (!gc) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
