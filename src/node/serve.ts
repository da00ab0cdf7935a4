/** Serves an MCP server over HTTP on Node.js: settings → app → socket → signals. */
import { getConnInfo } from '@hono/node-server/conninfo';
import { createApp, type AppOptions } from '../app.ts';
import { ConfigError, loadConfig, unknownSettings, type Config } from '../config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { createLogger } from '../telemetry/log.ts';
import type { CreateServer, Notifier, OnSessionEnd } from '../tools.ts';
import { bannerLines, helpText } from './banner.ts';
import { openEngines } from './engines.ts';
import { listen } from './listen.ts';
import { readIncoming } from './read-incoming.ts';
import { stopOnSignals } from './shutdown.ts';
import { watchMemory } from '../metrics/watch-memory.ts';

/** Options for {@link serve}. */
export interface ServeOptions {
  /** The settings. @default process.env */
  env?: NodeJS.ProcessEnv;
  /** The command line, without the program: `--help` prints the settings, and anything else is an error. @default none */
  args?: readonly string[];
  /** Tells clients what has changed; pass one to use it outside of calls. @default a new one, which calls get in their context */
  notify?: Notifier | undefined;
  /** Called once for each session that has ended, to remove what is kept for it elsewhere. @default nothing is */
  onSessionEnd?: OnSessionEnd | undefined;
  /** Parts of the app in place of its own, such as `authenticate` or `sessionStore`. @default none */
  app?: Omit<AppOptions, 'config' | 'log' | 'connInfo' | 'readBody' | 'notify' | 'onSessionEnd'>;
}

/**
 * Serves `createServer` at `/mcp` until SIGINT or SIGTERM. This is the main function of a program: it logs to stderr,
 * and it ends the process. If a setting is wrong or the address is unavailable, it prints one line for each problem and
 * ends with code 1.
 */
export async function serve(createServer: CreateServer, options: ServeOptions = {}): Promise<void> {
  const { env = process.env, args = [], app, ...own } = options;
  const [option] = args;
  if (option === '--help' || option === '-h') {
    process.stdout.write(helpText());
    return;
  }
  try {
    if (option !== undefined) {
      throw new ConfigError(`${option} is not an option: settings are environment variables, see --help.`);
    }
    await serveUntilSignal(createServer, loadConfig(env), unknownSettings(env), { ...app, ...own });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
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
  const log = createLogger({ level: config.logLevel, write });
  for (const name of unknown) log.warn('not a setting of this server; see --help', { name });
  const onNode = { connInfo: getConnInfo, readBody: readIncoming };
  const engines = await openEngines(config, { clock: parts.clock ?? systemClock, log });
  const app = createApp(createServer, { watchMemory, ...engines, ...parts, ...onNode, config, log });
  const onerror = (error: Error) => log.error('listening', { error: error.message });
  const idleConnectionMs = config.idleConnectionSeconds * 1000;
  const listener = await listen(app, { ...config, idleConnectionMs, onerror });
  for (const line of bannerLines(config, listener.port)) write(line);
  stopOnSignals({ app, listener, engines, log });
}

function write(line: string): void {
  process.stderr.write(`${line}\n`);
}
