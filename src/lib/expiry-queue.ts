/**
 * What expires, in the order of its time: a binary heap.
 *
 * Lists in the order of insertion do where everything is kept equally long. Here each member has a time of its own, and
 * any member can be removed, both in logarithmic time.
 */

/** The place of a member in its queue. */
export interface Expiring<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Its index in the heap; the queue changes it. */
  index: number;
}

/** A queue whose first member expires first. */
export class ExpiryQueue<T> {
  readonly #heap: Expiring<T>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The member that expires first; `undefined` if the queue is empty. */
  get first(): Expiring<T> | undefined {
    return this.#heap[0];
  }

  /** Adds a member and returns its place. */
  add(value: T, expiresAt: number): Expiring<T> {
    const member = { value, expiresAt, index: this.#heap.length };
    this.#heap.push(member);
    this.#rise(member);
    return member;
  }

  /** Removes a member. It must be in this queue. */
  remove(member: Expiring<T>): void {
    const last = this.#heap.pop();
    if (!last || last === member) return;
    this.#put(last, member.index);
    this.#rise(last);
    this.#sink(last);
  }

  /** Moves a member up until its parent expires no later. */
  #rise(member: Expiring<T>): void {
    for (;;) {
      const parent = this.#heap[(member.index - 1) >> 1];
      if (!parent || parent.expiresAt <= member.expiresAt) return;
      this.#swap(parent, member);
    }
  }

  /** Moves a member down until neither of its children expires earlier. */
  #sink(member: Expiring<T>): void {
    for (;;) {
      const left = this.#heap[2 * member.index + 1];
      const right = this.#heap[2 * member.index + 2];
      const child = left && right && right.expiresAt < left.expiresAt ? right : left;
      if (!child || child.expiresAt >= member.expiresAt) return;
      this.#swap(member, child);
    }
  }

  #swap(upper: Expiring<T>, lower: Expiring<T>): void {
    const { index } = upper;
    this.#put(upper, lower.index);
    this.#put(lower, index);
  }

  #put(member: Expiring<T>, index: number): void {
    this.#heap[index] = member;
    member.index = index;
  }
}
