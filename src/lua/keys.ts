/**
 * The names of all keys and channels.
 *
 * A session id is hashed into one of 256 buckets. All keys of a session have the bucket as their hash tag, so that a
 * script can use them together on a Redis Cluster, while sessions as a whole are spread over its nodes.
 *
 * Nodes of different versions must agree on these names, on what the scripts in this folder keep under them, and on the messages
 * of `redis-relay.ts` and `redis-event-log.ts`. Whoever changes any of that raises the number in `PREFIX`.
 *
 * | key | type | holds |
 * | --- | --- | --- |
 * | `{bucket}:used` | sorted set | ids of sessions by the time of their last use |
 * | `{bucket}:session:ID` | string | the record |
 * | `{bucket}:log:ID` | hash | the event log: its tag, number and bytes, and each stream but for its events |
 * | `{bucket}:ended:ID` | list | streams that have ended, in that order |
 * | `{bucket}:stream:ID:STREAM` | stream | the events of a stream |
 * | `{bucket}:channel:DB:ID` | channel | tells nodes what to look at |
 * | `{bucket}:state:SCOPE` | hash | values of a session or a caller |
 * | `{bucket}:expiry:SCOPE` | sorted set | those of them that expire, by time |
 * | `{bucket}:principal:HASH` | sorted set | ids of the sessions of a principal |
 * | `{bucket}:rate:NAME:HASH` | string | the requests of a caller in its window |
 * | `{changes}:…` | | what has changed, see `lua/change-scripts.ts`, and a channel |
 * | `node:NODE` | string | present while a node is running |
 */
import { createHash } from 'node:crypto';

const PREFIX = 'mcp:1:';
const BUCKETS = 256;
/** How the name of a session's scope begins (`sessionScope`). Its state is kept, and removed, with the session. */
const SESSION_SCOPE = 'session:';
const DAY_MS = 24 * 60 * 60_000;

const prefixes = Array.from({ length: BUCKETS }, (_, bucket) => `${PREFIX}{${bucket.toString(16).padStart(2, '0')}}:`);

/** The indexes of sessions by their last use, one for each bucket. */
export const USED_KEYS: readonly string[] = prefixes.map((prefix) => `${prefix}used`);
/** The form of these names in Lua, which can make them all from the number of the bucket. */
export const USED_PATTERN = `${PREFIX}{%02x}:used`;
/** The keys of the change log, as its scripts expect them. */
export const CHANGES_KEYS: readonly string[] = ['number', 'events', 'order'].map((key) => `${PREFIX}{changes}:${key}`);

/** How the names of all keys of a session begin. */
export function sessionPrefix(id: string): string {
  return prefixes[bucketOf(id)] ?? '';
}

/** The index that has a session. */
export function usedKey(id: string): string {
  return `${sessionPrefix(id)}used`;
}

/** The record of a session. */
export function recordKey(id: string): string {
  return `${sessionPrefix(id)}session:${id}`;
}

/** The keys of a session's event log, and how the names of its streams begin. */
export function logKeys(id: string): { log: string; ended: string; streams: string } {
  const prefix = sessionPrefix(id);
  return { log: `${prefix}log:${id}`, ended: `${prefix}ended:${id}`, streams: `${prefix}stream:${id}:` };
}

/** The channel of a session. All databases of a server share its channels, hence the number in the name. */
export function channelOf(id: string, db: number): string {
  return `${sessionPrefix(id)}channel:${db}:${id}`;
}

/** The channel of the change log. */
export function changesChannel(db: number): string {
  return `${PREFIX}{changes}:channel:${db}`;
}

/** Whether a scope is that of a session. */
export function isSessionScope(scope: string): boolean {
  return scope.startsWith(SESSION_SCOPE);
}

/** The keys of a scope: its values, and when they expire. */
export function stateKeys(scope: string): { state: string; expiry: string } {
  const prefix = sessionPrefix(isSessionScope(scope) ? scope.slice(SESSION_SCOPE.length) : scope);
  return { state: `${prefix}state:${scope}`, expiry: `${prefix}expiry:${scope}` };
}

/** The sessions of a principal. */
export function principalKeyOf(principal: string): string {
  const hash = hashOf(principal);
  return `${sessionPrefix(hash)}principal:${hash}`;
}

/** The count of a caller's requests. */
export function rateKey(name: string, caller: string): string {
  const hash = hashOf(caller);
  return `${sessionPrefix(hash)}rate:${name}:${hash}`;
}

/** The key that shows that a node is running. */
export function nodeKey(node: string): string {
  return `${PREFIX}node:${node}`;
}

/**
 * When Redis itself removes what belongs to a session, in milliseconds after its last use: long after a running node
 * would have, so that nothing stays for ever if none runs.
 */
export function backstopMs(idleMs: number): number {
  return 2 * idleMs + DAY_MS;
}

/** Groups ids by their bucket. */
export function byBucket(ids: readonly string[]): string[][] {
  const groups = new Map<number, string[]>();
  for (const id of ids) {
    const bucket = bucketOf(id);
    const group = groups.get(bucket);
    if (group) group.push(id);
    else groups.set(bucket, [id]);
  }
  return [...groups.values()];
}

/** Names of callers may be long, and tell who they are. */
function hashOf(caller: string): string {
  return createHash('sha256').update(caller).digest('hex').slice(0, 32);
}

/** FNV-1a, folded to a byte. Not for secrets: ids are random, and whoever chooses scopes could fill one bucket at most. */
function bucketOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash >>> 24) ^ (hash >>> 16) ^ (hash >>> 8) ^ hash) & (BUCKETS - 1);
}
