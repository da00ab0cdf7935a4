/**
 * Attempts to use Redis, and what their errors mean: that Redis did not answer, that it cannot do what is asked at the
 * moment, or that there is a mistake in this program.
 */
import { Circuit } from '../lib/circuit.ts';
import type { Clock } from '../lib/clock.ts';
import { UnavailableError } from '../lib/unavailable-error.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../signals/metrics.ts';

/**
 * Answers that say that Redis cannot do at the moment what it could at another, or that this user may not. Redis 6.2 quotes
 * those to commands within scripts.
 */
const REFUSAL =
  /(?:^|[\s-])(ERR max number of clients|DENIED|OOM|NOPERM|LOADING|READONLY|BUSY|MISCONF|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|NOAUTH|WRONGPASS)\s/;
/** Those that concern some commands only. */
const PARTIAL = new Set(['OOM', 'NOPERM']);
/** The name of errors that are answers, in contrast to those of the connection. */
const ANSWER = 'ReplyError';

/** Options for {@link Attempts}. */
export interface AttemptsOptions {
  clock: Pick<Clock, 'now'>;
  log: Logger;
  /** Why there is no connection, if that is known. */
  reason: () => string | undefined;
  /** Hears of every attempt. @default nobody does */
  metrics?: Pick<Metrics, 'redisAnswered'> | undefined;
}

/** Attempts that share a circuit. The log has a line when Redis becomes unavailable, and another when it is back. */
export class Attempts {
  readonly #log: Logger;
  readonly #circuit: Circuit;
  readonly #reason: () => string | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #metrics: AttemptsOptions['metrics'];
  #isAvailable = true;

  constructor({ clock, log, reason, metrics }: AttemptsOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#circuit = new Circuit({ clock });
    this.#reason = reason;
  }

  /** Whether the last attempt was answered. */
  get isAvailable(): boolean {
    return this.#isAvailable && !this.#circuit.isOpen;
  }

  /** Does `work`, the command or script `name`, unless the circuit is open. Rejects with an `UnavailableError` if Redis does not answer, or refuses. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (!this.#circuit.allows()) throw new UnavailableError('Redis is unavailable');
    const start = this.#clock.now();
    const tell = (outcome: 'ok' | 'error') =>
      this.#metrics?.redisAnswered(name, outcome, (this.#clock.now() - start) / 1000);
    try {
      const reply = await work();
      tell('ok');
      this.#circuit.succeed();
      this.#setAvailable(true, '');
      return reply;
    } catch (error) {
      tell('error');
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Error {
    const message = messageOf(error);
    if (!(error instanceof Error) || error.name !== ANSWER) {
      this.#circuit.fail();
      this.#setAvailable(false, this.#reason() ?? message);
      return new UnavailableError('Redis is unavailable', { cause: error });
    }
    this.#circuit.succeed();
    // The library attaches the command, with all that clients have sent. It must not get into a log.
    Reflect.deleteProperty(error, 'command');
    const [, code = ''] = REFUSAL.exec(message) ?? [];
    if (code === '') return error;
    if (!PARTIAL.has(code)) this.#setAvailable(false, message);
    return new UnavailableError('Redis refuses', { cause: error });
  }

  #setAvailable(isAvailable: boolean, reason: string): void {
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    if (isAvailable) this.#log.info('Redis is available again');
    else this.#log.warn('Redis is unavailable', { reason });
  }
}

/** Whether Redis refused a command because it has no memory left. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof UnavailableError && REFUSAL.exec(messageOf(error.cause))?.[1] === 'OOM';
}

/** The first line of an error's message. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
