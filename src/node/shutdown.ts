/** Stops on a signal: drains, closes, and exits with code 0. A second signal exits right away. */
import type { App } from '../app.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { Listener } from './listen.ts';
import type { Logger } from '../telemetry/log.ts';

/** If npm started the process, Ctrl-C reaches it twice: from the terminal, and from npm. */
const SAME_SIGNAL_MS = 500;

/** What {@link stopOnSignals} stops, and how. */
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
    log.info('stopping; a second signal exits right away', { signal });
    const callsCut = await app.drain();
    await listener.close();
    log.info('stopped', { callsCut });
    exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
