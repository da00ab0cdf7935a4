/** A contender that runs: started on a free port, asked what it uses, stopped. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import type { Contender } from './contenders.ts';
import { nextMessage, PROJECT_ROOT, startModule, stopProcess } from './processes.ts';

/** A server that does not listen after that does not run here. */
const START_MS = 20_000;
const POLL_MS = 5;
/** Some try their port before they listen on it: what is there after that stays. */
const SETTLE_MS = 100;
const PROBE = new URL('probe.mjs', import.meta.url).href;
/** What is kept of what a server says on stderr, for when it fails. */
const STDERR_CHARS = 1000;

/** What a process has used since its start. */
export interface Usage extends NodeJS.MemoryUsage {
  cpuMicroseconds: number;
  /** The most memory that was resident, in bytes. */
  maxRss: number;
}

/** A running server. */
export interface Server {
  port: number;
  child: ChildProcess;
  /** What it has used so far; with `collect`, after a garbage collection, which needs the option `gc`. */
  usage(collect?: boolean): Promise<Usage>;
  stop(): Promise<void>;
}

/** How to start a server. */
export interface StartOptions {
  /** Path of the Node.js to run it. */
  node: string;
  /** In place of the contender's own entry. */
  entry?: string;
  env?: Record<string, string>;
  /** The processor to run it on, by `taskset`. @default any */
  processor?: number | undefined;
  /** Whether `usage(true)` will be asked for. */
  gc?: boolean;
  /** Whether to return at the first sign that something listens, which may be gone a moment later. */
  hasty?: boolean;
}

/**
 * Starts a contender and waits until it listens.
 *
 * @throws With what it said on stderr, when it does not.
 */
export async function startServer(contender: Contender, options: StartOptions): Promise<Server> {
  const port = contender.port ?? (await freePort());
  const isFixture = contender.ours && options.entry !== undefined;
  const child = startModule(options.entry ?? contender.entry, [], {
    ...onProcessor(options.processor, options.node, [
      '--import',
      PROBE,
      // As the product's own entry does.
      ...(isFixture ? ['--import', 'zod/compile'] : []),
      ...(options.gc ? ['--expose-gc'] : []),
    ]),
    cwd: contender.root ?? PROJECT_ROOT,
    env: { ...contender.env, ...options.env, PORT: String(port) },
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_CHARS);
  });
  try {
    await listening(port, child);
    if (!options.hasty) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      await listening(port, child);
    }
  } catch (error) {
    await stopProcess(child);
    const reason = said.replaceAll(PROJECT_ROOT, '');
    throw new Error(`${contender.id} did not start: ${String(error)} ${reason}`, { cause: error });
  }
  return {
    port,
    child,
    async usage(collect = false) {
      const told = nextMessage<{ usage?: Usage }>(child, (message) => message.usage !== undefined);
      child.send({ ask: 'usage', collect });
      const { usage } = await told;
      if (!usage) throw new Error('The probe did not answer');
      return usage;
    },
    stop: () => stopProcess(child),
  };
}

/** How to `fork` a program that runs on one processor only. */
function onProcessor(processor: number | undefined, program: string, args: string[]) {
  if (processor === undefined) return { execPath: program, execArgv: args };
  return { execPath: 'taskset', execArgv: ['--cpu-list', String(processor), program, ...args] };
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}.`);
    if (performance.now() > deadline) throw new Error('it does not listen.');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Whether something listens on a port of this machine. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A port that is free now. All contenders get theirs in the same way, from outside. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
