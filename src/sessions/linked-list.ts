/**
 * A doubly linked list: an order in which any member can leave, or go to the end, in constant time.
 *
 * A `Map` or `Set` keeps insertion order too, but finding the first of one whose front is being deleted
 * skips every hole: 48 µs an operation at 100,000 members, where this stays under one.
 */

/** A member's place in a list. */
export interface Link<T> {
  readonly value: T;
  previous: Link<T> | undefined;
  next: Link<T> | undefined;
}

/** An ordered collection, iterated from the first; the member just visited may be removed meanwhile. */
export interface LinkedList<T> extends Iterable<T> {
  readonly size: number;
  /** The place of the first member, if there is one. */
  readonly first: Link<T> | undefined;
  /** Appends a member; the link is what to remove it by. */
  append(value: T): Link<T>;
  /** Takes a member out. Its link must be of this list, and not removed before. */
  remove(link: Link<T>): void;
  /** Makes a member the last. */
  moveToEnd(link: Link<T>): void;
}

/** Makes an empty list. */
export function createLinkedList<T>(): LinkedList<T> {
  let first: Link<T> | undefined;
  let last: Link<T> | undefined;
  let size = 0;

  function attach(link: Link<T>): void {
    link.previous = last;
    link.next = undefined;
    if (last) last.next = link;
    else first = link;
    last = link;
  }

  function detach({ previous, next }: Link<T>): void {
    if (previous) previous.next = next;
    else first = next;
    if (next) next.previous = previous;
    else last = previous;
  }

  return {
    get size() {
      return size;
    },
    get first() {
      return first;
    },
    append(value) {
      const link: Link<T> = { value, previous: undefined, next: undefined };
      attach(link);
      size += 1;
      return link;
    },
    remove(link) {
      detach(link);
      size -= 1;
      // Else one that is dead, but old, would keep all that came after it alive until the next full collection.
      link.previous = undefined;
      link.next = undefined;
    },
    moveToEnd(link) {
      if (link === last) return;
      detach(link);
      attach(link);
    },
    *[Symbol.iterator]() {
      for (let link = first, next; link; link = next) {
        next = link.next;
        yield link.value;
      }
    },
  };
}
