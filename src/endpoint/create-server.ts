/** Logs when the tool file's `createServer` fails. */
import type { Logger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';

/** Returns `createServer` with its failures logged. The SDK answers 500, and reports them like mistakes of clients. */
export function loggingFailures(createServer: CreateServer, log: Logger): CreateServer {
  return async (context) => {
    try {
      return await createServer(context);
    } catch (error) {
      log.error('createServer failed', { error: String(error) });
      log.debug('createServer failed', { stack: error instanceof Error ? error.stack : undefined });
      throw error;
    }
  };
}
