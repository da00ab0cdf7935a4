/**
 * Restarts the server under a client that stays connected, and tells whether the client goes on.
 *
 * Nothing here judges the client: what it does is what the matrix says.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CallSlugify, InteropClient, Stage } from './client.ts';
import { protectedBy } from './protected-entry.ts';
import { startRestartableEntry, type RestartableEntry } from './restartable-entry.ts';
import type { Surroundings } from './run-client.ts';
import { createScope } from './scope.ts';
import { tapHttp } from './wire.ts';

/** What becomes of the sessions when the server restarts, in the order of the matrix. */
export const STATES = ['kept', 'lost'] as const;
export type State = (typeof STATES)[number];

/** What a client did after a restart. */
export interface Recovery {
  /** What its user had to do until a call worked. */
  worked: 'at once' | 'at the second call' | 'after connecting anew';
  /** What it showed for the first call that failed. */
  shown?: string;
  /** What became of the stream that it held open: its GET, or `subscriptions/listen`. */
  stream: 'none' | 'opened again' | 'gone';
  /** How long the server was down, from SIGTERM until it listened again. */
  downMs: number;
}

export type Recoveries = Partial<Record<State, Recovery | Error>>;

/** How long connecting may take. */
const CONNECT_MS = 90_000;
/** How long a call may take: more than the minute after which clients of the SDKs give up. */
const CALL_MS = 75_000;
/** How long the stream of a client is waited for. The SDKs' clients give up after two attempts in three seconds. */
const STREAM_MS = 10_000;
const STREAM_SENT = /GET \/mcp |"subscriptions\/listen"/;
const STREAM_OPEN = /"method":"GET","path":"\/mcp","status":200|"status":200.*"rpc":"subscriptions\/listen"/;

/**
 * Lets a client stay connected through one restart for each state. Never throws.
 *
 * @param redisUrl - Where the server keeps its state when that is kept.
 */
export async function runRestarts(
  client: InteropClient,
  redisUrl: () => string,
  surroundings: Pick<Surroundings, 'origins' | 'artifacts'>,
): Promise<Recoveries> {
  const recoveries: Recoveries = {};
  const { stay } = client;
  if (!stay) return recoveries;
  for (const state of STATES) {
    const { t, close } = createScope();
    try {
      const folder = await mkdtemp(join(tmpdir(), 'interop-'));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const settings: Record<string, string> = state === 'kept' ? { REDIS_URL: redisUrl() } : {};
      const { url, sent, server } = await startBehindTap(t, client, settings);
      const command = { command: process.execPath, args: ['--eval', 'process.exit(1)'] };
      const stage = { ...surroundings, url, command, folder, t, sent, saw: () => {} };
      // The page shows the stream of the first only.
      recoveries[state] = await observeRestart(stage, stay, server, state === 'kept' ? STREAM_MS : 0);
    } catch (error) {
      recoveries[state] = error instanceof Error ? error : new Error(String(error));
    } finally {
      await close();
    }
  }
  return recoveries;
}

/**
 * Restarts `server` under a client that `stay` connects. Throws if a call fails before that, or for a new connection.
 *
 * @param patienceMs - How long to wait, after the calls, for a stream that the client held.
 */
export async function observeRestart(
  stage: Stage,
  stay: NonNullable<InteropClient['stay']>,
  server: RestartableEntry,
  patienceMs = STREAM_MS,
): Promise<Recovery> {
  const call = await within(CONNECT_MS, stay(stage));
  await slugified(call, 'Before the restart');
  const held = STREAM_SENT.test(stage.sent()) && (await opensStream(server, STREAM_MS));
  const downMs = await server.restart();

  const first = await failureOf(slugified(call, 'First call'));
  const second = first && (await failureOf(slugified(call, 'Second call')));
  const stream = held ? ((await opensStream(server, patienceMs)) ? 'opened again' : 'gone') : 'none';
  if (!first) return { worked: 'at once', stream, downMs };
  if (!second) return { worked: 'at the second call', shown: first, stream, downMs };
  const folder = join(stage.folder, 'anew');
  await mkdir(folder);
  await slugified(await within(CONNECT_MS, stay({ ...stage, folder })), 'Connected anew');
  return { worked: 'after connecting anew', shown: first, stream, downMs };
}

async function startBehindTap(t: TestContext, client: InteropClient, settings: Record<string, string>) {
  let server: RestartableEntry | undefined;
  const tap = await tapHttp(t, async (url) => {
    const env = client.signsIn ? { ...settings, ...(await protectedBy(t, url)) } : settings;
    server = await startRestartableEntry(t, env);
    return server.url;
  });
  if (!server) throw new Error('The server was not started');
  return { ...tap, server };
}

/** Calls `slugify`, and rejects with what the client shows if that is not the slug. */
async function slugified(call: CallSlugify, text: string): Promise<void> {
  const shown = await within(CALL_MS, call(text));
  if (!shown.includes(text.toLowerCase().replaceAll(' ', '-'))) throw new Error(shown);
}

/** What a client shows for a call that fails, or `undefined` if it works. */
function failureOf(call: Promise<void>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/** Whether a stream is open on the server, or soon is. */
function opensStream(server: RestartableEntry, patienceMs: number): Promise<boolean> {
  return within(patienceMs, server.logged(STREAM_OPEN)).then(
    () => true,
    () => false,
  );
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer after ${ms / 1000} s`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
