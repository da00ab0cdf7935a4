/**
 * The contract of a session store. A session is a record; a live server and its transport are only a cache of it
 * (`sessions/live-session.ts`).
 *
 * `memory/memory-session-store.ts` implements it in this process; an engine that several nodes share can take its place.
 * `test/contracts/session-store.contract.ts` tests any implementation.
 */
import type { LoggingLevel } from '@modelcontextprotocol/server';

/** Everything that makes up a session: enough to rebuild its server on any node, after any restart. */
export interface SessionRecord {
  /** At least 128 random bits in visible ASCII. */
  readonly id: string;
  /** The principal that opened the session and is the only one that may use it; see `Caller`. */
  readonly principal: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /**
   * The parameters of the client's `initialize` request, as JSON: they are needed only to activate the session, and
   * parsed they would take twenty times the memory.
   */
  readonly initialize: string;
  /** Whether `notifications/initialized` has arrived. */
  readonly initialized: boolean;
  /** The level of the last `logging/setLevel`. */
  readonly logLevel?: LoggingLevel;
  /** The URIs that the client is subscribed to (`resources/subscribe`). */
  readonly subscriptions: readonly string[];
  /** The number of the last change that the client has been told (`ChangeLog`). */
  readonly toldChange: number;
  /** 1 in a new record. Each change raises it, so that a live session can tell that another node has changed the record. */
  readonly version: number;
}

/** What changes in a record, in one step: other nodes may change it at the same time. */
export interface SessionChanges extends Partial<Pick<SessionRecord, 'initialized' | 'logLevel' | 'toldChange'>> {
  /** A URI to add to the subscriptions, unless it is one of them. */
  readonly subscribe?: string;
  /** A URI to remove from the subscriptions. */
  readonly unsubscribe?: string;
}

/**
 * Keeps session records until they have been unused for the store's idle time.
 *
 * Methods reject if the engine is unavailable. They never resolve to a guess.
 */
export interface SessionStore {
  /** Keeps a new record. Creating it counts as use. */
  create(record: SessionRecord): Promise<void>;
  /** The record; `undefined` if it does not exist or has expired. Does not count as use. */
  get(id: string): Promise<SessionRecord | undefined>;
  /** The record, if `principal` opened it; that counts as use. Every request in a session begins with this call. */
  use(id: string, principal: string): Promise<SessionRecord | undefined>;
  /** Counts as use. Resolves to the version of the record, or to `undefined` if there is none. */
  touch(id: string): Promise<number | undefined>;
  /** Changes a record. Resolves to its new version, or to `undefined`, and creates nothing, if there is no such record. */
  update(id: string, changes: SessionChanges): Promise<number | undefined>;
  /** Removes a record. Resolves to `false` if there was none. */
  delete(id: string): Promise<boolean>;
  /**
   * The ids of at most `limit` records that have expired, each of them once, whoever asks. Resolves to none when all are
   * taken. Whoever creates records must take them: until then, their ids add up.
   */
  takeExpired(limit: number): Promise<string[]>;
  /** How many records there are, or how many `principal` has. Expired records do not count. */
  count(principal?: string): Promise<number>;
  /** The ids of at most `limit` records, or of those that `principal` has, the least recently used first. */
  leastRecentlyUsed(limit: number, principal?: string): Promise<string[]>;
}

/** A record after a change, for engines that keep records as a whole. */
export function changedRecord(
  record: SessionRecord,
  { subscribe, unsubscribe, ...changes }: SessionChanges,
): SessionRecord {
  const subscriptions = new Set(record.subscriptions);
  if (subscribe !== undefined) subscriptions.add(subscribe);
  if (unsubscribe !== undefined) subscriptions.delete(unsubscribe);
  return { ...record, ...changes, subscriptions: [...subscriptions], version: record.version + 1 };
}
