/**
 * Keeps session records in Redis.
 *
 * A record is one string, and its time of last use a score in the index of its bucket, which is what decides whether it has
 * expired. The sessions of a principal are in an index of its own, under a key that may be on another node of a cluster:
 * its scores are older than the real ones, and corrected when somebody asks. If a node dies between the record and that
 * index, the principal may have one session more than its cap until that has expired.
 */
import type { LoggingLevel } from '@modelcontextprotocol/server';
import type { SessionChanges, SessionRecord, SessionStore } from '../contracts/session-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Script } from '../lua/script.ts';
import {
  COUNT_SESSIONS,
  CREATE_SESSION,
  GET_SESSION,
  OLDEST_SESSIONS,
  REMOVE_SESSIONS,
  UPDATE_SESSION,
  USE_SESSION,
} from '../lua/session-scripts.ts';
import type { Connection, Reply } from './connection.ts';
import {
  backstopMs,
  byBucket,
  principalKeyOf,
  recordKey,
  sessionPrefix,
  USED_KEYS,
  USED_PATTERN,
  usedKey,
} from '../lua/keys.ts';

/** How long a count is used again. Meanwhile it misses what other nodes create and delete. */
const COUNT_CACHE_MS = 1000;
/** How long the index of a principal is kept after its last new session. Sessions that last longer are not counted any more. */
const PRINCIPAL_MS = 30 * 24 * 60 * 60_000;
/** How often the least recently used sessions of a principal are looked up, until their times are correct. */
const MAX_CORRECTIONS = 3;
/** Most sessions of a principal whose time of last use is looked up in one step. */
const PAGE_SIZE = 1000;

/** Options for {@link createRedisSessionStore}. */
export interface RedisSessionStoreOptions {
  connection: Connection;
  clock: Pick<Clock, 'now'>;
  /** How long an unused record is kept, in milliseconds. */
  idleMs: number;
}

/** Makes a store. It does not limit the number of records; `sessions/session-caps.ts` does. */
export function createRedisSessionStore(options: RedisSessionStoreOptions): SessionStore {
  const records = new Records(options);
  return {
    create: (record) => records.create(record),
    get: (id) => records.get(id),
    use: async (id, principal) => fromText(id, await records.use(id, JSON.stringify(principal))),
    touch: async (id) => fromText(id, await records.use(id, ''))?.version,
    update: (id, changes) => records.update(id, changes),
    delete: (id) => records.delete(id),
    takeExpired: (limit) => records.takeExpired(limit),
    count: (principal) => (principal === undefined ? records.count() : records.countOf(principal)),
    async leastRecentlyUsed(limit, principal) {
      return principal === undefined ? records.leastRecentlyUsed(limit) : records.leastRecentlyUsedOf(principal, limit);
    },
  };
}

class Records {
  readonly #connection: Connection;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #idleMs: number;
  readonly #backstopMs: number;
  /** The last count of all records, when it was made, and when the first of them expires unless it is used. */
  #counted: { count: number; at: number; until: number } | undefined;

  constructor({ connection, clock, idleMs }: RedisSessionStoreOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#backstopMs = backstopMs(idleMs);
  }

  async create(record: SessionRecord): Promise<void> {
    const { id, principal } = record;
    const now = this.#clock.now();
    const keys = [recordKey(id), usedKey(id)];
    const work = [this.#connection.run(CREATE_SESSION, keys, [id, toText(record), now, this.#backstopMs])];
    if (principal !== '') {
      const index = principalKeyOf(principal);
      work.push(this.#connection.call('ZADD', index, now, id));
      work.push(this.#connection.call('PEXPIRE', index, Math.max(this.#backstopMs, PRINCIPAL_MS)));
    }
    await Promise.all(work);
    if (this.#counted) this.#counted.count += 1;
  }

  async get(id: string): Promise<SessionRecord | undefined> {
    return fromText(id, await this.#connection.run(GET_SESSION, [recordKey(id), usedKey(id)], [id, this.#deadline]));
  }

  use(id: string, principal: string): Promise<Reply> {
    const args = [id, this.#clock.now(), this.#idleMs, this.#backstopMs, principal];
    return this.#connection.run(USE_SESSION, [recordKey(id), usedKey(id)], args);
  }

  async update(id: string, changes: SessionChanges): Promise<number | undefined> {
    const { initialized, logLevel = '', toldChange = '', subscribe, unsubscribe } = changes;
    const isInitialized = initialized === undefined ? '' : Number(initialized);
    const uris = [subscribe, unsubscribe].map((uri) => (uri === undefined ? '' : JSON.stringify(uri)));
    const args = [id, this.#deadline, isInitialized, logLevel, toldChange, ...uris];
    const version = await this.#connection.run(UPDATE_SESSION, [recordKey(id), usedKey(id)], args);
    return version === null ? undefined : Number(version);
  }

  async delete(id: string): Promise<boolean> {
    const removed = await this.#remove([id], Number.MAX_SAFE_INTEGER, this.#deadline);
    if (removed.length > 0 && this.#counted) this.#counted.count -= 1;
    return removed.length > 0;
  }

  async takeExpired(limit: number): Promise<string[]> {
    const taken: string[] = [];
    for (;;) {
      const wanted = limit - taken.length;
      const found = await this.#oldest('-inf', `${this.#deadline}`, wanted);
      const removed = await this.#remove(
        found.map(([id]) => id),
        this.#deadline,
        -1,
      );
      taken.push(...removed);
      // Others may have taken some of them, while there are more.
      if (found.length < wanted || taken.length === limit) return taken;
    }
  }

  async count(): Promise<number> {
    const now = this.#clock.now();
    const counted = this.#counted;
    if (counted && now >= counted.at && now < Math.min(counted.at + COUNT_CACHE_MS, counted.until))
      return counted.count;
    const replies = (await this.#eachIndex(COUNT_SESSIONS, [this.#deadline])) as [number, string | null][];
    const count = replies.reduce((sum, [ofBucket]) => sum + ofBucket, 0);
    const oldest = Math.min(...replies.map(([, used]) => (used === null ? Infinity : Number(used))));
    this.#counted = { count, at: now, until: oldest + this.#idleMs };
    return count;
  }

  async leastRecentlyUsed(limit: number): Promise<string[]> {
    return (await this.#oldest(`(${this.#deadline}`, '+inf', limit)).map(([id]) => id);
  }

  async countOf(principal: string): Promise<number> {
    if (principal === '') return (await this.#unauthenticated()).length;
    const key = principalKeyOf(principal);
    const [fresh, old] = await Promise.all([
      this.#connection.call('ZCOUNT', key, `(${this.#deadline}`, '+inf'),
      this.#connection.call('ZRANGEBYSCORE', key, '-inf', this.#deadline),
    ]);
    return Number(fresh) + (await this.#lookUp(key, old as string[])).size;
  }

  async leastRecentlyUsedOf(principal: string, limit: number): Promise<string[]> {
    if (principal === '') return (await this.#unauthenticated()).slice(0, limit);
    const key = principalKeyOf(principal);
    for (let attempt = 1; ; attempt += 1) {
      const reply = await this.#connection.call('ZRANGE', key, 0, Math.min(limit, PAGE_SIZE) - 1, 'WITHSCORES');
      const known = pairsOf(reply);
      const real = await this.#lookUp(
        key,
        known.map(([id]) => id),
      );
      // Corrected, some may be behind others that are not among them; and in busy sessions, they are never correct for long.
      if (attempt === MAX_CORRECTIONS || known.every(([id, used]) => real.get(id) === used)) {
        return Array.from(real)
          .toSorted(([, one], [, other]) => one - other)
          .map(([id]) => id);
      }
    }
  }

  get #deadline(): number {
    return this.#clock.now() - this.#idleMs;
  }

  /** Removes those of these records whose time of last use is between, and returns their ids. */
  async #remove(ids: readonly string[], highest: number, lowest: number): Promise<string[]> {
    const groups = byBucket(ids).map(async (group) => {
      const [first = ''] = group;
      const args = [sessionPrefix(first), highest, lowest, ...group];
      return pairsOfTexts(await this.#connection.run(REMOVE_SESSIONS, [usedKey(first)], args));
    });
    const removed = (await Promise.all(groups)).flat();
    const authenticated = removed.filter(([, principal]) => principal !== '""');
    await Promise.all(
      authenticated.map(([id, text]) => this.#connection.call('ZREM', principalKeyOf(JSON.parse(text) as string), id)),
    );
    return removed.map(([id]) => id);
  }

  /** The ids and times of the `limit` least recently used whose time is in a range. */
  async #oldest(lowest: string, highest: string, limit: number): Promise<[string, number][]> {
    // From each index of a cluster so few that there is seldom one that has more among the oldest.
    let atMost = this.#connection.isCluster ? Math.min(limit, 4 + (limit >> 5)) : limit;
    for (;;) {
      const lists = (await this.#eachIndex(OLDEST_SESSIONS, [lowest, highest, atMost])).map(pairsOf);
      const all = lists.flat().toSorted(([, one], [, other]) => one - other);
      if (atMost === limit) return all.slice(0, limit);
      // What is beyond the end of a list may be earlier than the rest of another.
      const ends = lists.map((list) => (list.length < atMost ? Infinity : (list.at(-1)?.[1] ?? 0)));
      const end = Math.min(...ends);
      const certain = all.filter(([, used]) => used <= end);
      if (certain.length >= limit || end === Infinity) return certain.slice(0, limit);
      atMost = Math.min(limit, atMost * 4);
    }
  }

  /** The replies of a script about all indexes: one, or on a cluster one for each index. */
  #eachIndex(script: Script, args: (string | number)[]): Promise<Reply[]> {
    const groups = this.#connection.isCluster ? USED_KEYS.map((key) => [key]) : [[]];
    return Promise.all(groups.map((keys) => this.#connection.run(script, keys, [...args, USED_PATTERN])));
  }

  /** Looks up when sessions of a principal were last used, and corrects its index. Returns those that have not expired. */
  async #lookUp(key: string, ids: readonly string[]): Promise<Map<string, number>> {
    const real = new Map<string, number>();
    const lookUps = byBucket(ids).map(async (group) => {
      const used = (await this.#connection.call('ZMSCORE', usedKey(group[0] ?? ''), ...group)) as (string | null)[];
      for (const [index, id] of group.entries())
        if (Number(used[index]) > this.#deadline) real.set(id, Number(used[index]));
    });
    await Promise.all(lookUps);
    const gone = ids.filter((id) => !real.has(id));
    const corrections = Array.from(real).flatMap(([id, used]) => [used, id]);
    if (gone.length > 0) await this.#connection.call('ZREM', key, ...gone);
    if (corrections.length > 0) await this.#connection.call('ZADD', key, 'XX', ...corrections);
    return real;
  }

  /** The sessions of unauthenticated callers. They are in no index, since there may be millions, and no cap is for them alone. */
  async #unauthenticated(): Promise<string[]> {
    const ids = await this.leastRecentlyUsed(Number.MAX_SAFE_INTEGER);
    const records = await Promise.all(ids.map((id) => this.get(id)));
    return records.flatMap((record) => (record?.principal === '' ? [record.id] : []));
  }
}

function toText(record: SessionRecord): string {
  const { principal, createdAt, initialize, initialized, logLevel = '-', subscriptions, toldChange, version } = record;
  const head = [version, createdAt, Number(initialized), logLevel, toldChange].join(' ');
  return [head, ...[principal, ...subscriptions].map((text) => JSON.stringify(text)), '', initialize].join('\n');
}

function fromText(id: string, reply: Reply): SessionRecord | undefined {
  if (typeof reply !== 'string') return undefined;
  const end = reply.indexOf('\n\n');
  const [head = '', ...texts] = reply.slice(0, end).split('\n');
  const [version, createdAt, initialized, level, toldChange] = head.split(' ');
  const [principal = '', ...subscriptions] = texts.map((text) => JSON.parse(text) as string);
  return {
    id,
    principal,
    createdAt: Number(createdAt),
    initialize: reply.slice(end + 2),
    initialized: initialized === '1',
    ...(level !== '-' && { logLevel: level as LoggingLevel }),
    subscriptions,
    toldChange: Number(toldChange),
    version: Number(version),
  };
}

/** The members and scores of a sorted set. */
function pairsOf(reply: Reply): [string, number][] {
  return pairsOfTexts(reply).map(([member, score]) => [member, Number(score)]);
}

function pairsOfTexts(reply: Reply): [string, string][] {
  const texts = reply as string[];
  return Array.from({ length: texts.length / 2 }, (_, index) => [texts[2 * index] ?? '', texts[2 * index + 1] ?? '']);
}
