/** One measurement: starts a server, verifies it, warms it up, loads it, and reads what that took. */
import type { CallWithAnswer } from './calls.ts';
import type { Contender } from './contenders.ts';
import type { LoadPlan, LoadResult } from './load-plan.ts';
import type { BenchOptions } from './options.ts';
import type { NodeBinary } from './prepare.ts';
import { startServer } from './server.ts';
import { startLoad, type Load } from './start-load.ts';
import type { Server } from './server.ts';
import { summarize } from './statistics.ts';
import { verify } from './verify.ts';

/** Windows that the measured time of a server is divided into. */
export const WINDOWS = 5;
/** Load before each of them that is not measured, in seconds. */
const REOPEN_SECONDS = 0.1;

/** The result of a measurement. */
export interface Measurement extends LoadResult {
  perSecond: number;
  /** CPU time of the server for one call, in microseconds. */
  cpuMicroseconds: number;
  /** Resident memory of the server after the load, in bytes. */
  rss: number;
}

/** What is measured. */
export interface Measured {
  node: NodeBinary;
  subject: CallWithAnswer;
  options: Pick<BenchOptions, 'seconds' | 'warmSeconds' | 'connections'>;
  mode?: LoadPlan['mode'];
  /** As in the {@link LoadPlan}. */
  sessionsEach?: number;
  pause?: LoadPlan['pause'];
  env?: Record<string, string>;
  /** Tools on the server. @default 2 */
  tools?: number;
  /** The processor to run the server on. @default any */
  processor?: number | undefined;
}

/** A contender may not be in the tables: it did not start, or answered wrongly. */
export class Disqualified extends Error {
  override name = 'Disqualified';
}

/** A server under load. */
export interface Loaded {
  server: Server;
  load: Load;
  stop: () => Promise<void>;
}

/**
 * Starts a server and its load generator, verifies it and warms it up.
 *
 * @throws {@link Disqualified} when it does not start or does not answer rightly.
 */
export async function startLoaded(contender: Contender, measured: Measured): Promise<Loaded> {
  const { node, subject, options, mode = 'call', tools = 2, processor, sessionsEach, pause } = measured;
  const { era } = contender;
  const env = { ...measured.env, ...(tools === 2 ? {} : { BENCH_TOOLS: String(tools) }) };
  // The product's own entry has two tools; more are registered by a fixture around the same app.
  const entry = contender.ours && tools !== 2 ? 'bench/fixture.mjs' : contender.entry;
  const isOwnEntry = entry === contender.entry;
  const started = startServer(contender, { node: node.path, ...(!isOwnEntry && { entry }), env, processor });
  const server = await orDisqualified(started);
  let load: Load | undefined;
  const stop = async () => {
    await load?.stop();
    await server.stop();
  };
  try {
    await orDisqualified(verify(server.port, era, subject, tools));
    const { connections } = options;
    const plan = { ...subject, port: server.port, era, connections, mode };
    load = await orDisqualified(startLoad({ ...plan, ...(sessionsEach && { sessionsEach }), ...(pause && { pause }) }));
    requireRight(await load.run(options.warmSeconds));
    return { server, load, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Loads servers in turn, in windows of a part of their `seconds`, there and back again, so that what else the machine
 * does hits all of them alike.
 *
 * @returns For each server what its windows say together; or why it may not be in the tables.
 */
export async function measureInTurn<Key>(
  servers: ReadonlyMap<Key, Loaded>,
  seconds: number,
): Promise<Map<Key, Measurement | Disqualified>> {
  const windows = new Map<Key, Measurement[]>(Array.from(servers.keys(), (key) => [key, []]));
  const disqualified = new Map<Key, Disqualified>();
  for (let window = 0; window < WINDOWS; window += 1) {
    const inTurn = window % 2 === 0 ? [...servers] : [...servers].toReversed();
    for (const [key, { server, load }] of inTurn) {
      if (disqualified.has(key)) continue;
      try {
        // Connections that the server has closed while it was idle are opened again.
        requireRight(await load.run(REOPEN_SECONDS));
        windows.get(key)?.push(await measureWindow(server, load, seconds / WINDOWS));
      } catch (error) {
        if (!(error instanceof Disqualified)) throw error;
        disqualified.set(key, error);
      }
    }
  }
  return new Map(Array.from(windows, ([key, measured]) => [key, disqualified.get(key) ?? together(measured)]));
}

/** What several windows say: times are their medians, all else counts for as long as they took. */
export function together(windows: readonly Measurement[]): Measurement {
  const sum = (of: (window: Measurement) => number) => windows.reduce((total, window) => total + of(window), 0);
  const median = (of: (window: Measurement) => number) => summarize(windows.map(of)).median;
  const last = windows.at(-1);
  if (!last) throw new Error('There is no window');
  const [count, seconds] = [sum((window) => window.count), sum((window) => window.seconds)];
  return {
    ...last,
    count,
    seconds,
    perSecond: count / seconds,
    cpuMicroseconds: sum((window) => window.cpuMicroseconds * window.count) / count,
    generatorShare: sum((window) => window.generatorShare * window.seconds) / seconds,
    p50: median(({ p50 }) => p50),
    p99: median(({ p99 }) => p99),
  };
}

/** Loads a server for that long, and measures what it uses. */
export async function measureWindow(server: Server, load: Load, seconds: number): Promise<Measurement> {
  const before = await orDisqualified(server.usage());
  const result = await load.run(seconds);
  requireRight(result);
  const after = await orDisqualified(server.usage());
  return {
    ...result,
    perSecond: result.count / result.seconds,
    cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / result.count,
    rss: after.rss,
  };
}

function requireRight({ failures, count, problem = '' }: LoadResult): void {
  if (failures > 0) throw new Disqualified(`${failures} of ${failures + count} calls failed: ${problem}`);
  if (count === 0) throw new Disqualified('not one call was answered');
}

async function orDisqualified<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw new Disqualified(error instanceof Error ? error.message : String(error));
  }
}
