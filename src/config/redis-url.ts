/**
 * The forms of `REDIS_URL`:
 *
 * - `redis://user:password@host:6379/0`, or `rediss://…` with TLS. User, password, port and database can be left out.
 * - `redis://host-1:6379,host-2:6379,…`: some nodes of a Redis Cluster, so that any of them may be down at the start. One is
 *   enough: whether a Redis belongs to a cluster, it says itself.
 * - `unix:///path/to/redis.sock?db=0`, with `user:password@` before the path if need be.
 */

const DEFAULT_PORT = 6379;

/** Where to find Redis, and as whom. */
export interface RedisAddress {
  /** At least one. */
  places: ({ host: string; port: number } | { path: string })[];
  username: string | undefined;
  password: string | undefined;
  db: number;
  isSecure: boolean;
}

/** Whether a text is one of these forms. */
export function isRedisUrl(text: string): boolean {
  return partsOf(text) !== undefined;
}

/** The parts of a URL. @throws TypeError if it is not one */
export function parseRedisUrl(text: string): RedisAddress {
  const address = partsOf(text);
  if (!address) throw new TypeError('not the URL of a Redis');
  return address;
}

/** The first place of an address, for messages. */
export function placeOf({ places: [place] }: RedisAddress): string {
  if (!place) return '';
  if ('path' in place) return place.path;
  return `${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`;
}

function partsOf(text: string): RedisAddress | undefined {
  const [, scheme = '', credentials, rest = ''] = /^(rediss?|unix):\/\/(?:([^/]*)@)?([^@#]+)$/.exec(text) ?? [];
  const isUnix = scheme === 'unix';
  const [, where = '', db = '0'] = (isUnix ? /^(\/[^?]+)(?:\?db=(\d+))?$/ : /^([^/?]+)(?:\/(\d*))?$/).exec(rest) ?? [];
  if (where === '') return undefined;
  const places = isUnix ? [{ path: where }] : where.split(',').map(hostAndPort);
  const [username, password] = credentials === undefined ? [] : credentials.split(/:(.*)/s, 2).map(decoded);
  const valid = places.filter((place) => place !== undefined);
  if (valid.length < places.length || username === null || password === null) return undefined;
  return {
    places: valid,
    username: username || undefined,
    password: password || undefined,
    db: Number(db),
    isSecure: scheme === 'rediss',
  };
}

function hostAndPort(text: string): { host: string; port: number } | undefined {
  const [, host, port = DEFAULT_PORT] = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** A part of a URL without its escapes; `null` if they are wrong. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
