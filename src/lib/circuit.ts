/**
 * A circuit breaker: when an engine does not answer, only the first requests wait for it.
 *
 * After some failures in a row the circuit is open, and nothing is tried. After a while one attempt is let through: it
 * closes the circuit, or leaves it open for another while.
 */
import type { Clock } from './clock.ts';

/** Options for {@link Circuit}. */
export interface CircuitOptions {
  clock: Pick<Clock, 'now'>;
  /** How many failures in a row open it. @default 3 */
  maxFailures?: number;
  /** How long it is open before one attempt is let through, in milliseconds. @default 1000 */
  openMs?: number;
}

/** Says whether to try, and is told how it went. */
export class Circuit {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #maxFailures: number;
  readonly #openMs: number;
  #failures = 0;
  #retryAt = 0;
  #isProbing = false;

  constructor({ clock, maxFailures = 3, openMs = 1000 }: CircuitOptions) {
    this.#clock = clock;
    this.#maxFailures = maxFailures;
    this.#openMs = openMs;
  }

  /** Whether there were too many failures, and no success since. */
  get isOpen(): boolean {
    return this.#failures >= this.#maxFailures;
  }

  /** Whether to try now. Whoever does must call `succeed` or `fail` afterwards. */
  allows(): boolean {
    if (!this.isOpen) return true;
    const left = this.#retryAt - this.#clock.now();
    // More than there ever was: the clock was set back.
    if (this.#isProbing || (left > 0 && left <= this.#openMs)) return false;
    this.#isProbing = true;
    return true;
  }

  /** The engine has answered. */
  succeed(): void {
    this.#failures = 0;
    this.#isProbing = false;
  }

  /** The engine has not answered. */
  fail(): void {
    this.#failures += 1;
    this.#isProbing = false;
    this.#retryAt = this.#clock.now() + this.#openMs;
  }
}
