/**
 * What a session is: a record. Live servers and transports are only a cache of it (`live-session.ts`).
 *
 * This file is the contract; `memory-session-store.ts` keeps records in this process, and an engine that
 * several nodes share can stand in its place. `test/memory/session-store.contract.ts` is what "keeps the
 * contract" means.
 */
import type { LoggingLevel } from '@modelcontextprotocol/server';

/** Everything that makes a session: enough to build its server anew, on any node, after any restart. */
export interface SessionRecord {
  /** At least 128 random bits in visible ASCII. */
  readonly id: string;
  /** Who opened it, and the only one who may use it; see `Caller`. */
  readonly principal: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /**
   * What the client said of itself in `initialize`, as JSON: only bringing the session to life asks for it, and
   * objects parsed from it take twenty times as much.
   */
  readonly initialize: string;
  /** Whether `notifications/initialized` came. */
  readonly initialized: boolean;
  /** The level of the last `logging/setLevel`. */
  readonly logLevel?: LoggingLevel;
  /** URIs of live `resources/subscribe` requests. */
  readonly subscriptions: readonly string[];
}

/** What of a record changes in its life. */
export type SessionChanges = Partial<Pick<SessionRecord, 'initialized' | 'logLevel' | 'subscriptions'>>;

/**
 * Keeps session records until they have not been used for the store's idle time.
 *
 * Methods reject when the engine is out of reach; they never resolve to a guess.
 */
export interface SessionStore {
  /** Keeps a new record, used just now. */
  create(record: SessionRecord): Promise<void>;
  /** The record, or `undefined` when there is none or it has expired. For who looks on: it does not count as use. */
  get(id: string): Promise<SessionRecord | undefined>;
  /** The record, if `principal` opened it, which counts as use. Each request in a session begins with this one step. */
  use(id: string, principal: string): Promise<SessionRecord | undefined>;
  /** Counts as use. Resolves to `false` when there is no such record. */
  touch(id: string): Promise<boolean>;
  /** Changes a record. Resolves to `false`, and creates nothing, when there is no such record. */
  update(id: string, changes: SessionChanges): Promise<boolean>;
  /** Removes a record. Resolves to `false` when there was none. */
  delete(id: string): Promise<boolean>;
  /** How many records there are; with `principal`, how many of that one. Expired ones do not count. */
  count(principal?: string): Promise<number>;
  /** Ids of at most `limit` records, the longest unused first; with `principal`, of that one only. */
  leastRecentlyUsed(limit: number, principal?: string): Promise<string[]>;
}
