/** Stopping on a signal: drain, then close, then exit with code 0; a second signal exits at once. */
import type { App } from '../app.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { Listener } from './listen.ts';
import type { Logger } from '../telemetry/log.ts';

/** Ctrl-C reaches a process that npm started twice: from the terminal, and once more from npm. */
const SAME_SIGNAL_MS = 500;

/** What {@link stopOnSignals} stops. */
export interface Stoppable {
  app: Pick<App, 'drain'>;
  listener: Pick<Listener, 'close'>;
  log: Logger;
  /** @default systemClock */
  clock?: Pick<Clock, 'now'>;
  /** @default process.exit */
  exit?: (code: number) => void;
}

/** Makes SIGINT and SIGTERM stop the process. */
export function stopOnSignals(stoppable: Stoppable): void {
  const { app, listener, log, clock = systemClock, exit = (code) => process.exit(code) } = stoppable;
  let first: { signal: string; at: number } | undefined;
  const stop = async (signal: string) => {
    if (first?.signal === signal && clock.now() - first.at < SAME_SIGNAL_MS) return;
    if (first) {
      exit(0);
      return;
    }
    first = { signal, at: clock.now() };
    log.info('stopping; a second signal stops at once', { signal });
    const callsCut = await app.drain();
    await listener.close();
    log.info('stopped', { callsCut });
    exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
