/** A session that is told of changes, and what it hears on its GET stream. */
import assert from 'node:assert/strict';
import { McpServer } from '@modelcontextprotocol/server';
import type { EventLog, LoggedEvent } from '../../src/contracts/event-log.ts';
import { createNotifier, type CreateServer, type Notifier } from '../../src/tools.ts';
import { answerOf, eventsIn, openSession, readStream, rpc, type LegacySession, type StreamReader } from './app.ts';
import { sessionApp, type SessionApp } from './session-app.ts';
import { settled } from './time.ts';

/** So that sessions leave memory while a test runs. */
export const LIVE_A_MINUTE = { MCP_LIVE_IDLE_SECONDS: '60' };
/** How long the event log keeps a session that is not used. */
export const LOG_AGE_MS = 5 * 60_000;

/** A server with everything to be told about, and nothing behind it. */
export function createChangingServer(): McpServer {
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

/** A session of a server that has everything to be told about. */
export interface Scene extends SessionApp {
  notify: Notifier;
  session: LegacySession;
  /** How many servers were built. */
  built: () => number;
}

/** Opens the session. */
export async function setUp(options: Parameters<typeof sessionApp>[2] = {}): Promise<Scene> {
  const notify = createNotifier();
  let built = 0;
  const countServers: CreateServer = (context) => {
    built += 1;
    return (options.createServer ?? createChangingServer)(context);
  };
  const context = sessionApp({}, LIVE_A_MINUTE, { notify, ...options, createServer: countServers });
  return { ...context, notify, session: await openSession(context.app), built: () => built };
}

/** Subscribes to a resource, or unsubscribes. */
export async function subscribe(session: LegacySession, uri: string, method = 'subscribe'): Promise<void> {
  const { result } = await answerOf(await session.post(rpc(`resources/${method}`, { uri })));
  assert.deepEqual(result, {});
}

/** What was told in a stream, in short: `tools`, `prompts`, a URI, or the text of a log message. */
export function toldIn(stream: StreamReader): string[] {
  return eventsIn(stream.text).flatMap(({ message }) => {
    const { method = '', params = {} } = (message ?? {}) as {
      method?: string;
      params?: { uri?: string; data?: string };
    };
    return method === '' ? [] : [params.uri ?? params.data ?? method.split('/')[1] ?? ''];
  });
}

/** Opens the GET stream, or resumes it, and reads it until nothing more comes. */
export async function listen(session: LegacySession, lastEventId?: string): Promise<StreamReader> {
  const stream = readStream(await session.get(lastEventId));
  void stream.ended().catch(() => {});
  await settled();
  return stream;
}

/** Disconnects, and returns the id of the last event. */
export async function breakOff(stream: StreamReader): Promise<string | undefined> {
  await stream.cancel();
  await settled();
  return eventsIn(stream.text).findLast(({ id }) => id !== undefined)?.id;
}

/** What the log has for the next GET stream of a session. */
export async function waitingFor(eventLog: EventLog, sessionId: string): Promise<LoggedEvent[] | undefined> {
  await eventLog.hold(sessionId, 'get', 'test');
  return eventLog.take(sessionId, 'get', 'test');
}
