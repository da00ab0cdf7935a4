/** Stops on a signal: drains, answers 503 for a moment, closes, and exits with code 0. A second signal exits right away. */
import type { App } from '../app.ts';
import type { OpenEngines } from '../contracts/engines.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { LAST_ANSWERS_MS } from '../lib/lifecycle.ts';
import type { Listener } from './listen.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Tracing } from '../signals/tracing.ts';

/** If npm started the process, Ctrl-C reaches it twice: from the terminal, and from npm. */
const SAME_SIGNAL_MS = 500;

/** How long the last spans may take, in milliseconds: an unavailable collector must not delay a stop beyond the listener. */
export const LAST_SPANS_MS = 2000;

/** How long the engines may take to close, in milliseconds. Redis that does not answer takes longer. */
export const ENGINES_MS = 2000;

/** What {@link stopOnSignals} stops, and how. */
export interface Stoppable {
  app: Pick<App, 'drain'>;
  listener: Pick<Listener, 'close'>;
  /** The listener of metrics, closed at once when everything else is closed. @default there is none */
  metricsListener?: Pick<Listener, 'closeNow'> | undefined;
  /** Sends the last spans while the listener closes. @default there are none */
  tracing?: Pick<Tracing, 'flush'> | undefined;
  /** Closed after everything that uses them. @default there are none to close */
  engines?: Pick<OpenEngines, 'close'> | undefined;
  log: Logger;
  /** @default systemClock */
  clock?: Pick<Clock, 'now' | 'after'>;
  /** @default process.exit */
  exit?: (code: number) => void;
}

/** Makes SIGINT and SIGTERM stop the process. */
export function stopOnSignals(stoppable: Stoppable): void {
  const { app, listener, metricsListener, engines, tracing, log } = stoppable;
  const { clock = systemClock, exit = (code) => process.exit(code) } = stoppable;
  const passed = (milliseconds: number) => new Promise<void>((resolve) => clock.after(milliseconds, resolve));
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
    await passed(LAST_ANSWERS_MS);
    const spansSent = tracing && Promise.race([tracing.flush().catch(() => {}), passed(LAST_SPANS_MS)]);
    await Promise.all([listener.close(), spansSent]);
    if (engines) await Promise.race([engines.close(), passed(ENGINES_MS)]);
    metricsListener?.closeNow();
    log.info('stopped', { callsCut });
    exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
