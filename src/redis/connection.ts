/**
 * The connections to Redis: one for commands, one for subscriptions. Nothing else imports the client library.
 *
 * Every wait is bounded, and commands are never queued while there is no connection: requests that need Redis are refused
 * until it is back. What was sent when a connection broke may have taken effect, or not.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { ConfigError } from '../config/config.ts';
import { parseRedisUrl, placeOf, type RedisAddress } from '../config/redis-url.ts';
import type { Clock } from '../lib/clock.ts';
import type { Script } from '../lua/script.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../signals/metrics.ts';
import { Attempts, messageOf } from './attempts.ts';

/** How long to wait for an answer, and for a connection. */
const TIMEOUT_MS = 2000;
/** A connection that has been silent for so long, with commands waiting, is given up. */
const SILENCE_MS = 5000;
/** How often the connection for subscriptions is tried, which otherwise would not notice that the other end is gone. */
const PING_MS = 5000;
const MAX_RECONNECT_MS = 2000;

/** What Redis answers. */
export type Reply = string | number | null | Reply[];

/** What a subscription needs. `channels.ts` shares it. */
export interface Subscriber {
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Gives up the connection, and makes another. */
  reconnect(): void;
  /** Receives each message. */
  onmessage: (channel: string, text: string) => void;
  /** Called when there is a connection again. Messages in between were lost. */
  onreconnect: () => void;
}

/**
 * The connections of a process. Methods reject with an `UnavailableError` if Redis does not answer, or says that it cannot
 * do what is asked; any other error is a mistake in this program.
 */
export interface Connection {
  /** Whether keys are spread over several nodes, so that only those with the same hash tag can be used together. */
  readonly isCluster: boolean;
  /** What `INFO` says, by name; empty if the user may not ask. */
  readonly info: ReadonlyMap<string, string>;
  /** Whether Redis answers, as far as anybody has tried. */
  readonly isAvailable: boolean;
  /** The number of the database; 0 on a cluster. */
  readonly db: number;
  readonly subscriber: Subscriber;
  /** The command that publishes on channels that `subscriber` can subscribe to. */
  readonly publish: 'PUBLISH' | 'SPUBLISH';
  /** Runs a script. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply>;
  /** Runs a command. */
  call(command: string, ...args: (string | number)[]): Promise<Reply>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** What connections are made with. */
export interface ConnectOptions {
  clock: Pick<Clock, 'now' | 'every'>;
  log: Logger;
  /** Hears how long Redis takes. @default nobody does */
  metrics?: Pick<Metrics, 'redisAnswered'> | undefined;
}

/**
 * Connects to the Redis of a URL (`config/redis-url.ts`), or to the cluster that it belongs to.
 *
 * @throws {@link ConfigError} if that is not possible now: the message is one line, without the password.
 */
export async function connect(url: string, options: ConnectOptions): Promise<Connection> {
  const address = parseRedisUrl(url);
  const first = await openFirst(address);
  let info: ReadonlyMap<string, string>;
  try {
    info = await readInfo(first);
  } catch (error) {
    first.disconnect();
    throw startError(address, error);
  }
  const isCluster = info.get('cluster_enabled') === '1' || info.get('redis_mode') === 'cluster';
  if (isCluster) {
    first.disconnect();
    if (address.db !== 0) throw new ConfigError('REDIS_URL names a database, but a Redis Cluster has only one.');
    return connectCluster(address, info, options);
  }
  if (address.places.length > 1) {
    first.disconnect();
    throw new ConfigError(`REDIS_URL names several hosts, but ${placeOf(address)} does not belong to a Redis Cluster.`);
  }
  return connectOne(address, first, info, options);
}

/** The type says what the default is, since the library's own types do not agree with our compiler options about it. */
type ClientOptions = RedisOptions & { replyMapping: 'legacy' };

function clientOptions(address: RedisAddress): ClientOptions {
  const { username, password, db, isSecure } = address;
  return {
    // Works with every server and every proxy. What the newer protocol adds is not needed.
    protocol: 2,
    replyMapping: 'legacy',
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: TIMEOUT_MS,
    connectTimeout: TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    disableClientInfo: true,
    // A replica has taken over, and the name leads to the new master.
    reconnectOnError: ({ message }) => /(?:^|-)READONLY /.test(message),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== 0 && { db }),
    ...(isSecure && { tls: {} }),
  };
}

/** Makes a client that is not connected. It reconnects by itself once it has been. */
function createClient(address: RedisAddress, place = address.places[0]): Redis {
  let wasReady = false;
  const options: ClientOptions = {
    ...clientOptions(address),
    ...place,
    ...(address.isSecure && place && 'host' in place && { tls: { servername: place.host } }),
    retryStrategy: (times) => (wasReady ? reconnectMs(times) : null),
  };
  const client = new Redis(options);
  client.once('ready', () => (wasReady = true));
  return client;
}

function reconnectMs(times: number): number {
  // Not all nodes at once.
  return Math.min(50 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS) * (0.75 + Math.random() / 2);
}

/** Connects to the first place of an address that can be reached. */
async function openFirst(address: RedisAddress): Promise<Redis> {
  let failure: unknown;
  for (const place of address.places) {
    const client = createClient(address, place);
    try {
      await open(client);
      return client;
    } catch (error) {
      failure ??= error;
      client.disconnect();
    }
  }
  throw startError(address, failure);
}

/** Connects. Rejects with the error that is the reason, rather than with that the connection has closed. */
async function open(client: Redis | Cluster): Promise<void> {
  let failure: unknown;
  // Without this listener, the library prints errors.
  client.on('error', (error: unknown) => (failure ??= error));
  await client.connect().catch((error: unknown) => {
    throw failure ?? error;
  });
  // For example that there is no such database, which the library takes for a warning. Of a cluster, some nodes may be down.
  if (failure !== undefined && client instanceof Redis) throw failure;
}

async function readInfo(client: Redis): Promise<ReadonlyMap<string, string>> {
  try {
    const pairs = (await client.info()).split('\r\n').map((line) => line.split(/:(.*)/s, 2));
    return new Map(pairs.map(([name = '', value = '']) => [name, value]));
  } catch (error) {
    if (messageOf(error).startsWith('NOPERM')) return new Map();
    throw error;
  }
}

function startError(address: RedisAddress, error: unknown): ConfigError {
  return new ConfigError(`REDIS_URL: Redis at ${placeOf(address)} cannot be used: ${messageOf(error)}`);
}

async function connectOne(
  address: RedisAddress,
  client: Redis,
  info: ReadonlyMap<string, string>,
  options: ConnectOptions,
): Promise<Connection> {
  const { clock } = options;
  const listening = createClient(address);
  try {
    await open(listening);
  } catch (error) {
    client.disconnect();
    listening.disconnect();
    throw startError(address, error);
  }
  const subscriber: Subscriber = {
    subscribe: async (channel) => void (await listening.subscribe(channel)),
    unsubscribe: async (channel) => void (await listening.unsubscribe(channel)),
    reconnect: () => listening.disconnect(true),
    onmessage: () => {},
    onreconnect: () => {},
  };
  listening.on('message', (channel, text) => subscriber.onmessage(channel, text));
  listening.on('ready', () => subscriber.onreconnect());
  // Both lead to the same server. If that is not the master any more, this one would go on, and hear nothing.
  client.on('close', () => listening.disconnect(true));
  const stopPings = clock.every(PING_MS, () => void listening.ping().catch(() => {}));
  const close = async () => {
    stopPings();
    listening.disconnect();
    await client.quit().catch(() => client.disconnect());
  };
  const { db } = address;
  return withCommands(client, { isCluster: false, info, db, subscriber, publish: 'PUBLISH', close }, options);
}

async function connectCluster(
  address: RedisAddress,
  info: ReadonlyMap<string, string>,
  options: ConnectOptions,
): Promise<Connection> {
  const places = address.places.flatMap((place) => ('host' in place ? [place] : []));
  const client = new Cluster(places, {
    lazyConnect: true,
    enableOfflineQueue: false,
    shardedSubscribers: true,
    // Names stay names, for certificates and for addresses that change.
    dnsLookup: (name, callback) => callback(null, name),
    clusterRetryStrategy: reconnectMs,
    redisOptions: clientOptions(address),
  });
  try {
    await open(client);
  } catch (error) {
    client.disconnect();
    throw startError(address, error);
  }
  const subscriber: Subscriber = {
    subscribe: async (channel) => void (await client.ssubscribe(channel)),
    unsubscribe: async (channel) => void (await client.sunsubscribe(channel)),
    // The library looks after these connections itself.
    reconnect: () => {},
    onmessage: () => {},
    onreconnect: () => {},
  };
  client.on('smessage', (channel: string, text: string) => subscriber.onmessage(channel, text));
  client.on('subscribersReady', () => subscriber.onreconnect());
  const close = async () => {
    await client.quit().catch(() => {});
    client.disconnect();
  };
  return withCommands(client, { isCluster: true, info, db: 0, subscriber, publish: 'SPUBLISH', close }, options);
}

/** Adds the commands. */
function withCommands(
  client: Redis | Cluster,
  rest: Pick<Connection, 'isCluster' | 'info' | 'db' | 'subscriber' | 'publish' | 'close'>,
  options: ConnectOptions,
): Connection {
  const defined = new Set<string>();
  // The library adds a method for each script, of which its types know nothing.
  const commands = client as unknown as Record<string, (...args: (string | number)[]) => Promise<Reply>>;
  let reason: string | undefined;
  client.on('error', (error: unknown) => (reason = messageOf(error)));
  client.on('ready', () => (reason = undefined));
  const attempts = new Attempts({ ...options, reason: () => reason });
  return {
    ...rest,
    get isAvailable() {
      return client.status === 'ready' && attempts.isAvailable;
    },
    run(script, keys, args) {
      if (!defined.has(script.name)) client.defineCommand(script.name, { lua: script.lua });
      defined.add(script.name);
      return attempts.run(
        script.name,
        async () => (await commands[script.name]?.(keys.length, ...keys, ...args)) ?? null,
      );
    },
    call: (command, ...args) => attempts.run(command, () => client.call(command, ...args) as Promise<Reply>),
  };
}
