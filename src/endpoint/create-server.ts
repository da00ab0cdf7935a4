/** Failures of the tool file's `createServer`, for the log. */
import type { Logger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';

/** Returns `createServer`, whose failures are logged: the SDK answers 500 and reports them among what clients do wrong. */
export function loggingFailures(createServer: CreateServer, log: Logger): CreateServer {
  return async (context) => {
    try {
      return await createServer(context);
    } catch (error) {
      log.error('a server could not be made', { error: String(error) });
      log.debug('a server could not be made', { stack: error instanceof Error ? error.stack : undefined });
      throw error;
    }
  };
}
