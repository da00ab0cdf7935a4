/** The contracts, kept by the engines on a Redis. */
import type { TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import { createChannels } from '../../src/redis/channels.ts';
import type { Connection } from '../../src/redis/connection.ts';
import { createRedisChangeLog } from '../../src/redis/redis-change-log.ts';
import { createRedisEventLog } from '../../src/redis/redis-event-log.ts';
import { createRedisRelay } from '../../src/redis/redis-relay.ts';
import { createRedisSessionStore } from '../../src/redis/redis-session-store.ts';
import { createRedisStateStore } from '../../src/redis/redis-state-store.ts';
import { changeLogContract } from '../contracts/change-log.contract.ts';
import { eventLogContract } from '../contracts/event-log.contract.ts';
import { relayContract } from '../contracts/relay.contract.ts';
import { sessionStoreContract } from '../contracts/session-store.contract.ts';
import { stateStoreContract } from '../contracts/state-store.contract.ts';

/** A connection to a Redis, and the clock of the engines on it. */
export interface Connected {
  connection: Connection;
  clock: Clock;
}

/** Tests the contracts on the connections that `open` makes: so many to one Redis that keeps nothing yet. */
export function redisContracts(name: string, open: (t: TestContext, count: number) => Promise<Connected[]>): void {
  const openOne = async (t: TestContext) => {
    const [connected] = await open(t, 1);
    if (!connected) throw new Error('There is no connection');
    return { ...connected, channels: createChannels(connected.connection) };
  };

  sessionStoreContract(name, async (options, t) => createRedisSessionStore({ ...(await openOne(t)), ...options }));
  eventLogContract(name, async (options, t) => createRedisEventLog({ ...(await openOne(t)), ...options }));
  stateStoreContract(name, async (options, t) => {
    const { connection } = await openOne(t);
    return createRedisStateStore({ ...options, connection, idleMs: 60_000 });
  });
  changeLogContract(name, async (options, t) => {
    const log = await createRedisChangeLog({ ...(await openOne(t)), ...options });
    t.after(() => log.close());
    return log;
  });
  relayContract(name, async (count, t) => {
    const all = await open(t, count);
    return Promise.all(
      all.map((connected) => createRedisRelay({ ...connected, channels: createChannels(connected.connection) })),
    );
  });
}
