/** Serves an MCP server over HTTP on Node.js: settings → app → socket → signals. */
import { getConnInfo } from '@hono/node-server/conninfo';
import { createApp } from '../app.ts';
import { ConfigError, loadConfig, unknownSettings } from '../config/config.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { createLogger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';
import { bannerLines, helpText } from './banner.ts';
import { listen } from './listen.ts';
import { stopOnSignals } from './shutdown.ts';

const write = (line: string) => void process.stderr.write(`${line}\n`);

/**
 * Serves `createServer` at `/mcp` until SIGINT or SIGTERM, as the environment says. Logs to stderr.
 *
 * @throws {@link ConfigError} when a setting is wrong, or the address cannot be had.
 */
export async function serve(createServer: CreateServer): Promise<void> {
  const config = loadConfig(process.env);
  applySchemaShortcuts(config.shortcuts);
  const log = createLogger({ level: config.logLevel, write });
  for (const name of unknownSettings(process.env)) log.warn('not a setting of this server; see --help', { name });
  const app = createApp(createServer, { config, log, connInfo: getConnInfo });
  const onerror = (error: Error) => log.error('listening', { error: error.message });
  const listener = await listen(app, { ...config, onerror });
  for (const line of bannerLines(config, listener.port)) write(line);
  stopOnSignals({ app, listener, log });
}

/**
 * The program around {@link serve}: `--help` prints the settings. What a person can mend is said in one line and ends
 * the process with code 1; anything else is a bug, and keeps its stack.
 *
 * @param args - The command line, without the program.
 */
export async function runServer(createServer: CreateServer, args: readonly string[]): Promise<void> {
  const [option] = args;
  if (option === '--help' || option === '-h') {
    process.stdout.write(helpText());
    return;
  }
  try {
    if (option !== undefined) {
      throw new ConfigError(`${option} is not an option: settings are environment variables, see --help.`);
    }
    await serve(createServer);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    write(error.message);
    process.exitCode = 1;
  }
}
