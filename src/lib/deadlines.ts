/**
 * Many deadlines of the same length on one timer.
 *
 * A timer of Node.js is cheap only while others of its length are running. One that is set alone and stopped within
 * microseconds, as for a call that is answered at once, takes several per cent of that call.
 */
import type { Clock } from './clock.ts';
import { LinkedList } from './linked-list.ts';

interface Deadline {
  at: number;
  /** `undefined` once it is over, or was called off. */
  callback: (() => void) | undefined;
}

/** A deadline that begins anew whenever there is progress. */
export interface MovableDeadline {
  /** Gives it its full time again. Does nothing once it is over, except on runtimes where it has a timer of its own. */
  readonly putOff: () => void;
  /** Calls it off. Calling that later, or again, does nothing. */
  readonly callOff: () => void;
}

/** Calls back some time after each deadline was set, in that order. */
export class Deadlines {
  readonly #milliseconds: number;
  readonly #clock: Clock;
  readonly #waiting = new LinkedList<Deadline>();
  #stopTimer: (() => void) | undefined;

  /** @param milliseconds - The time between setting a deadline and the callback, at most 24 days. */
  constructor(milliseconds: number, clock: Clock) {
    this.#milliseconds = milliseconds;
    this.#clock = clock;
  }

  /** Sets a deadline. The returned function calls it off; calling that later, or again, does nothing. */
  set(callback: () => void): () => void {
    return this.setMovable(callback).callOff;
  }

  /** Sets a deadline that can be put off. */
  setMovable(callback: () => void): MovableDeadline {
    if (this.#clock.endsWithRequest) return this.#onOwnTimer(callback);
    const link = this.#waiting.append({ at: this.#clock.now() + this.#milliseconds, callback });
    this.#startTimer(this.#milliseconds);
    const putOff = () => {
      if (!link.value.callback) return;
      link.value.at = this.#clock.now() + this.#milliseconds;
      this.#waiting.moveToEnd(link);
    };
    const callOff = () => {
      if (link.value.callback) this.#waiting.remove(link);
      link.value.callback = undefined;
    };
    return { putOff, callOff };
  }

  /** Stops the timer, so that nothing is called back any more. */
  close(): void {
    this.#stopTimer?.();
  }

  #onOwnTimer(callback: () => void): MovableDeadline {
    let callOff = this.#clock.after(this.#milliseconds, callback);
    return {
      putOff: () => {
        callOff();
        callOff = this.#clock.after(this.#milliseconds, callback);
      },
      callOff: () => callOff(),
    };
  }

  #startTimer(milliseconds: number): void {
    // Not `after`: the timer outlives the deadlines that were called off, and must not keep the process alive.
    this.#stopTimer ??= this.#clock.every(milliseconds, () => {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
      this.#callBack();
    });
  }

  #callBack(): void {
    for (let link = this.#waiting.first; link; link = this.#waiting.first) {
      const left = link.value.at - this.#clock.now();
      // More than there ever was: the clock was set back.
      if (left > 0 && left <= this.#milliseconds) return this.#startTimer(left);
      const { callback } = link.value;
      this.#waiting.remove(link);
      link.value.callback = undefined;
      callback?.();
    }
  }
}
