/** Starts a Redis of its own for tests, on a unix socket in a temporary directory. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './ports.ts';

/** Why tests of Redis are skipped; `undefined` if they run. CI requires them. */
export const NO_REDIS = whyNot('redis-server');
/** The same for tests that make certificates. */
export const NO_OPENSSL = whyNot('openssl');

function whyNot(program: string): string | undefined {
  const { error } = spawnSync(program, ['--version']);
  if (!error) return undefined;
  if (process.env['REQUIRE_REDIS'] === '1') throw new Error(`REQUIRE_REDIS=1, but ${program} is not installed`);
  return `${program} is not installed`;
}

/** A running Redis. */
export interface TestRedis {
  /** For `REDIS_URL`. */
  readonly url: string;
  /** The same with a database of its own, without what others keep. There are a thousand. */
  freshUrl(): string;
  /** Its directory. */
  readonly directory: string;
  /** Runs a command as the default user and returns the reply. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** Sends its process a signal. */
  signal(name: NodeJS.Signals): void;
  /** Kills it and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again, empty. */
  restart(): Promise<void>;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param args - More options of redis-server, such as `--maxmemory 10mb`.
 */
export async function startRedis(args: string[] = []): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'redis-'));
  const path = join(directory, 'redis.sock');
  const base = ['--port', '0', '--unixsocket', path, '--dir', directory, '--save', '', '--appendonly', 'no'];
  const start = () => startServer([...base, '--databases', '1000', ...args]);
  let server = await start();
  let databases = 0;
  const password = args[args.indexOf('--requirepass') + 1] ?? '';
  const client = new Redis({
    path,
    ...(args.includes('--requirepass') && { password }),
    lazyConnect: true,
    retryStrategy: () => 10,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => {});
  return {
    url: `unix://${path}`,
    freshUrl: () => `unix://${path}?db=${(databases += 1)}`,
    directory,
    command: (name, ...values) => client.call(name, ...values),
    signal: (name) => void server.kill(name),
    async kill() {
      await killed(server);
    },
    async restart() {
      await killed(server);
      server = await start();
    },
    async stop() {
      client.disconnect();
      await killed(server);
      await rm(directory, { recursive: true });
    },
  };
}

/** A running Redis Cluster. */
export interface TestCluster {
  /** For `REDIS_URL`: all nodes. */
  readonly url: string;
  /** Runs a command on each node and returns the replies. */
  commands(name: string, ...args: (string | number)[]): Promise<unknown[]>;
  /** Removes all keys. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts a cluster of masters on loopback. */
export async function startCluster(size = 3): Promise<TestCluster> {
  const ports = await Promise.all(Array.from({ length: 2 * size }, freePort));
  const nodes = await Promise.all(
    ports.slice(0, size).map((port, index) => {
      const bus = ports[size + index] ?? 0;
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--databases', '1'];
      return startRedis(['--port', `${port}`, '--bind', '127.0.0.1', ...cluster]);
    }),
  );
  const commands = (name: string, ...args: (string | number)[]) =>
    Promise.all(nodes.map((node) => node.command(name, ...args)));
  const first = (index: number) => Math.ceil((index * SLOTS) / size);
  await Promise.all(
    nodes.map((node, index) => node.command('CLUSTER', 'ADDSLOTSRANGE', first(index), first(index + 1) - 1)),
  );
  for (let index = 1; index < size; index += 1) {
    await nodes[0]?.command('CLUSTER', 'MEET', '127.0.0.1', ports[index] ?? 0, ports[size + index] ?? 0);
  }
  const isReady = async () =>
    (await commands('CLUSTER', 'INFO')).every((info) => String(info).includes('cluster_state:ok'));
  while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    url: `redis://${ports
      .slice(0, size)
      .map((port) => `127.0.0.1:${port}`)
      .join(',')}`,
    commands,
    flush: async () => void (await commands('FLUSHALL')),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

async function startServer(args: string[]): Promise<ChildProcess> {
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of server.stdout) {
    output += String(chunk);
    if (/Ready to accept connections|The server is now ready/.test(output)) break;
  }
  if (server.exitCode !== null) throw new Error(`redis-server has ended: ${output}`);
  server.stdout.destroy();
  return server;
}

async function killed(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}
