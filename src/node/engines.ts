/** Opens what keeps sessions beyond the life of the process, if a setting asks for it. Nothing of it is loaded otherwise. */
import { ConfigError, type Config } from '../config/config.ts';
import type { OpenEngines } from '../contracts/engines.ts';
import type { Clock } from '../lib/clock.ts';
import { createMemoryRelay } from '../memory/memory-relay.ts';
import type { Logger } from '../telemetry/log.ts';

/** What the engines need. */
export interface EnginesOptions {
  clock: Clock;
  log: Logger;
}

/**
 * The engines that the settings name; `undefined` if they name none, and memory is enough.
 *
 * @throws {@link ConfigError} if they cannot be opened.
 */
export async function openEngines(config: Config, options: EnginesOptions): Promise<OpenEngines | undefined> {
  if (config.dataDir !== undefined) return openFile(config.dataDir, config.sessionIdleSeconds * 1000, options);
  return undefined;
}

async function openFile(dataDir: string, idleMs: number, options: EnginesOptions): Promise<OpenEngines> {
  const { DataFileError } = await import('../sqlite/data-file.ts');
  const { openSqliteEngines } = await import('../sqlite/sqlite-engines.ts');
  try {
    return openSqliteEngines({ dataDir, idleMs, relay: createMemoryRelay(), ...options });
  } catch (error) {
    if (!(error instanceof DataFileError)) throw error;
    throw new ConfigError(`MCP_DATA_DIR=${dataDir} ${error.message}.`, { cause: error });
  }
}
