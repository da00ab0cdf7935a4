/** The unanswered calls of one transport, and their deadlines. */
import type { JSONRPCRequest, RequestId } from '@modelcontextprotocol/server';
import type { Incoming } from '../protocol/incoming.ts';
import { refuseCalls, type Call, type CallDeadlines, type CallStream } from './call.ts';

/** Options for {@link Calls}. */
export interface CallsOptions {
  /** When the answer to a call becomes a stream, and when a call that reports no progress is cancelled. */
  deadlines: CallDeadlines;
  /** Most calls that may run at a time. @default any number */
  maxCalls?: number | undefined;
}

/** Calls by the id that the client has given them. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #onstream: (stream: CallStream) => void;
  readonly #ontimeout: (call: Call) => void;
  readonly #running = new Map<RequestId, Call>();

  /**
   * @param onstream - Called when an answer is to become a stream.
   * @param ontimeout - Called when a call has run for too long.
   */
  constructor(options: CallsOptions, onstream: (stream: CallStream) => void, ontimeout: (call: Call) => void) {
    this.#options = options;
    this.#onstream = onstream;
    this.#ontimeout = ontimeout;
  }

  /** Those that run. */
  get running(): ReadonlyMap<RequestId, Call> {
    return this.#running;
  }

  /** Refuses messages that cannot run besides these. What the host repeats must get through, however many there are. */
  refuse(incoming: Incoming, isRepeated: boolean): Response | undefined {
    return refuseCalls(incoming, this.#running, isRepeated ? undefined : this.#options.maxCalls);
  }

  /** Registers calls. Resolves to their answer once it is certain whether that is JSON or a stream. */
  register(requests: readonly JSONRPCRequest[], stream: CallStream): Promise<Response | undefined> {
    for (const request of requests) {
      const call: Call = { request, stream, isAnswered: false };
      stream.calls.add(call);
      this.#running.set(request.id, call);
      this.limit(call);
    }
    return new Promise((respond) => {
      const { deadlines } = this.#options;
      const unset = stream.canStream ? deadlines.stream?.set(() => this.#onstream(stream)) : undefined;
      stream.pending = { answers: [], respond, unset: unset ?? (() => {}) };
    });
  }

  /** Gives a call its full time, now and whenever it reports progress. */
  limit(call: Call): void {
    if (call.timeout) call.timeout.putOff();
    else call.timeout = this.#options.deadlines.timeout?.setMovable(() => this.#ontimeout(call));
  }

  /** Ends an answered call. Returns `false` if it has ended before. */
  end(call: Call): boolean {
    if (!this.#running.delete(call.request.id)) return false;
    call.timeout?.callOff();
    call.stream.calls.delete(call);
    call.end?.();
    return true;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#running.clear();
  }
}
