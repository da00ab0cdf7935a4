/** Starts real proxies on loopback, each in the foreground with a configuration of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { canConnect, freePort } from '../support/ports.ts';
import { startCommand, type EntryProcess } from '../support/process.ts';
import { configOf, type ProxyKind, type ProxyOptions } from './configs.ts';

/** A proxy that the test started. It does not outlive the test. */
export interface Proxy {
  port: number;
  /** The URL of the endpoint behind it. */
  url: string;
  /** Kills it, so that every connection breaks, and starts it again on the same port. */
  restart(): Promise<void>;
}

const COMMANDS: Record<ProxyKind, (file: string, folder: string) => [command: string, ...args: string[]]> = {
  nginx: (file, folder) => ['nginx', '-p', folder, '-e', 'stderr', '-c', file],
  Caddy: (file) => ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'],
  HAProxy: (file) => ['haproxy', '-db', '-f', file],
};
/** How long to wait before looking again whether a proxy listens, in milliseconds. */
const LOOK_AGAIN_MS = 20;

/** Starts a proxy on a free port, and waits until it listens. */
export async function startProxy(t: TestContext, kind: ProxyKind, options: ProxyOptions): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), 'proxy-'));
  const port = await freePort();
  const file = join(folder, 'config');
  await writeFile(file, configOf(kind, port, folder, options));
  const [command, ...args] = COMMANDS[kind](file, folder);
  const home = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  // On Debian, it is not in everybody's PATH.
  const env = { ...home, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin` };
  const start = async () => {
    const started = startCommand(t, command, { env, args });
    await listening(started, port);
    return started;
  };
  let running = await start();
  t.after(() => rm(folder, { recursive: true }));
  return {
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    async restart() {
      running.signal('SIGKILL');
      await running.exit();
      running = await start();
    },
  };
}

/** Waits until a proxy listens. */
export async function listening(proxy: EntryProcess, port: number): Promise<void> {
  let ended = false;
  const exit = proxy.exit().finally(() => (ended = true));
  exit.catch(() => {});
  while (!(await canConnect(port))) {
    if (ended) throw new Error(`The proxy ended: ${JSON.stringify(await exit)} ${proxy.stderr}`);
    await delay(LOOK_AGAIN_MS);
  }
}
