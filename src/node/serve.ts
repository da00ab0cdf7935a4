/** Serves an MCP server over HTTP on Node.js: settings → app → socket → signals. */
import type { HttpBindings } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import { createApp, type App, type AppOptions } from '../app.ts';
import { ConfigError, loadConfig, unknownSettings, type Config } from '../config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { createMetricsApp } from '../metrics/metrics-app.ts';
import { openMetrics } from '../metrics/open-metrics.ts';
import type { PrometheusMetrics } from '../metrics/prometheus.ts';
import { watchMemory } from '../metrics/watch-memory.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { countingLines } from '../signals/metrics.ts';
import { openLog, PrettyUnavailableError } from '../telemetry/pino-log.ts';
import { openTracing } from '../signals/tracing.ts';
import type { CreateServer, Notifier, OnSessionEnd } from '../tools.ts';
import { bannerLines, helpText } from './banner.ts';
import { openEngines } from './engines.ts';
import { listen, type Listener } from './listen.ts';
import { readIncoming } from './read-incoming.ts';
import { stopOnSignals } from './shutdown.ts';

/** Options for {@link serve}. */
export interface ServeOptions {
  /** The settings. @default process.env */
  env?: NodeJS.ProcessEnv;
  /** The command line, without the program: `--help` prints the settings, and anything else is an error. @default none */
  args?: readonly string[];
  /** What `--help` prints before the settings. @default nothing */
  usage?: string;
  /** Tells clients what has changed; pass one to use it outside of calls. @default a new one, which calls get in their context */
  notify?: Notifier | undefined;
  /** Called once for each session that has ended, to remove what is kept for it elsewhere. @default nothing is */
  onSessionEnd?: OnSessionEnd | undefined;
  /** Parts of the app in place of its own, such as `authenticate` or `sessionStore`. @default none */
  app?: Omit<AppOptions, 'config' | 'log' | 'connInfo' | 'readBody' | 'setHeader' | 'notify' | 'onSessionEnd'>;
}

/**
 * Serves `createServer` at `/mcp` until SIGINT or SIGTERM. This is the main function of a program: it logs to stderr,
 * and it ends the process. If a setting is wrong or the address is unavailable, it prints one line for each problem and
 * ends with code 1.
 */
export async function serve(createServer: CreateServer, options: ServeOptions = {}): Promise<void> {
  const { env = process.env, args = [], usage = '', app, ...own } = options;
  // Without a listener, a reader of stderr that has gone away, or a full disk, would end the process.
  process.stderr.on('error', () => {});
  const [option] = args;
  if (option === '--help' || option === '-h') {
    process.stdout.write(usage + helpText());
    return;
  }
  try {
    if (option !== undefined) {
      throw new ConfigError(`${option} is not an option: settings are environment variables, see --help.`);
    }
    await serveUntilSignal(createServer, loadConfig(env), unknownSettings(env), { ...app, ...own });
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof PrettyUnavailableError)) throw error;
    write(error.message);
    process.exit(1);
  }
}

async function serveUntilSignal(
  createServer: CreateServer,
  config: Config,
  unknown: string[],
  parts: AppOptions,
): Promise<void> {
  applySchemaShortcuts(config.shortcuts);
  const { clock = systemClock } = parts;
  const prometheus = await openMetrics(config, clock);
  const metrics = parts.metrics ?? prometheus;
  const log = countingLines(await openLog({ level: config.logLevel, format: config.logFormat }), metrics);
  for (const name of unknown) log.warn('not a setting of this server; see --help', { name });
  const tracing = parts.tracing ?? (await openTracing(log));
  const onNode = { connInfo: getConnInfo, readBody: readIncoming, setHeader };
  const engines = await openEngines(config, { clock, log, metrics });
  let metricsListener: Listener | undefined;
  try {
    const own = { ...onNode, metrics, tracing, config, log };
    const app = createApp(createServer, { watchMemory, ...engines, ...parts, ...own });
    const onerror = (error: Error) => log.error('listening', { error: error.message });
    // First, so that no client is ever connected to a server that cannot start.
    metricsListener = prometheus && (await listenForScrapes(prometheus, config, { lifecycle: app.lifecycle, onerror }));
    const idleConnectionMs = config.idleConnectionSeconds * 1000;
    const listener = await listen(app, { ...config, idleConnectionMs, onerror });
    // Before the banner: who waits for it may send a signal at once, which would kill the process without a drain.
    stopOnSignals({ app, listener, metricsListener, engines, tracing, log });
    for (const line of bannerLines(config, listener.port, metricsListener?.port)) write(line);
  } catch (error) {
    metricsListener?.closeNow();
    await engines?.close();
    throw error;
  }
}

async function listenForScrapes(
  metrics: PrometheusMetrics,
  { metricsHost: host, metricsPort: port = 0 }: Config,
  { lifecycle, onerror }: { lifecycle: App['lifecycle']; onerror: (error: Error) => void },
): Promise<Listener> {
  const app = createMetricsApp({ metrics, host, lifecycle, onerror });
  return listen(app, { host, port, settings: { host: 'MCP_METRICS_HOST', port: 'MCP_METRICS_PORT' }, onerror });
}

/** Sets a header of Node.js's own response, so that the adapter need not make a `Headers` object for the answer. */
function setHeader({ env }: Context<{ Bindings: HttpBindings }>, name: string, value: string): void {
  env.outgoing.setHeader(name, value);
}

function write(line: string): void {
  process.stderr.write(`${line}\n`);
}
