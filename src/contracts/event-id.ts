/**
 * The ids of events: their number in the session, a tag of the session's log, and the stream.
 *
 * The specification asks for ids that identify the stream they belong to, since a client resumes by the id alone.
 */

const EVENT_ID = /^([1-9]\d{0,14})\.([0-9a-f]{8})\.(.+)$/;

/** The parts of an event id. */
export interface EventId {
  /** From 1. Later events of the session have higher ones. */
  number: number;
  /** Eight hexadecimal digits, chosen at random when the log of a session begins: an id of another session, or of an earlier log of this one, has another. */
  tag: string;
  streamId: string;
}

/** An id as text, in visible ASCII if `streamId` is. */
export function formatEventId({ number, tag, streamId }: EventId): string {
  return `${number}.${tag}.${streamId}`;
}

/** The parts of an id; `undefined` if it is not one. */
export function parseEventId(id: string): EventId | undefined {
  const [, digits, tag, streamId] = EVENT_ID.exec(id) ?? [];
  if (tag === undefined || streamId === undefined) return undefined;
  return { number: Number(digits), tag, streamId };
}

/** A random tag. */
export function createEventTag(): string {
  return crypto.randomUUID().slice(0, 8);
}
