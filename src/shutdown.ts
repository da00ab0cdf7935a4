/** Stopping on a signal: drain, then close, then exit with code 0; a second signal exits at once. */
import type { App } from './app.ts';
import type { Listener } from './listen.ts';
import type { Logger } from './telemetry/log.ts';

/** Makes SIGINT and SIGTERM stop the process. */
export function stopOnSignals(app: App, listener: Listener, log: Logger): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) process.exit(0);
    stopping = true;
    log.info('stopping; a second signal stops at once', { signal });
    const callsCut = await app.drain();
    await listener.close();
    log.info('stopped', { callsCut });
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
