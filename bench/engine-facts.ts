/** What Redis does for a call and for a change, and holds for a session. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { systemClock } from '../src/lib/clock.ts';
import { CHANGES_KEYS, changesChannel } from '../src/lua/keys.ts';
import { PUBLISH_CHANGE } from '../src/lua/change-scripts.ts';
import { connect } from '../src/redis/connection.ts';
import { createLogger } from '../src/telemetry/log.ts';
import type { TestRedis } from '../test/support/redis.ts';
import { SLUGIFY } from './calls.ts';
import { openClient } from './connection.ts';
import { CONTENDERS } from './contenders.ts';
import type { NodeBinary } from './prepare.ts';
import { createCallRequest, FIRST_ID } from './requests.ts';
import { factsTable } from './section.ts';
import { startServer } from './server.ts';
import { whole } from './table.ts';

const IDLE_SESSIONS = 100_000;
const QUICK_IDLE_SESSIONS = 2000;
/** Sessions opened, and changes published, at a time. */
const AT_ONCE = 50;
const CALLS = 1000;
const CHANGES = 20_000;
const LISTENING_NODES = [1, 10, 100];

/** What Redis has to do for a call, and what a session takes of it. */
export async function redisFacts(redis: TestRedis, node: NodeBinary | undefined, isQuick: boolean): Promise<string> {
  const contender = CONTENDERS.find(({ id }) => id === 'ours-session');
  if (!contender || !node) throw new Error('There is nothing to start');
  const sessions = isQuick ? QUICK_IDLE_SESSIONS : IDLE_SESSIONS;
  await redis.command('FLUSHALL');
  const env = { REDIS_URL: redis.url, MCP_MAX_SESSIONS: '10000000', MCP_MAX_LIVE_SESSIONS: '1000' };
  const server = await startServer(contender, { node: node.path, env });
  try {
    const { client, connection } = await openClient(server.port, 'session');
    const call = createCallRequest(client, SLUGIFY.call);
    for (let id = FIRST_ID + 1; id <= FIRST_ID + CALLS; id += 1) await connection.send(call(id));
    const before = await countsOf(redis);
    for (let id = FIRST_ID + 1; id <= FIRST_ID + CALLS; id += 1) await connection.send(call(id + CALLS));
    const after = await countsOf(redis);
    connection.close();
    const bytesBefore = (await countsOf(redis)).bytes;
    await openSessions(server.port, sessions);
    const { bytes } = await countsOf(redis);
    await server.stop();
    const changes = [];
    for (const count of LISTENING_NODES) {
      const value = (await changeCpu(redis, count)) * 1e6;
      changes.push({
        name: `CPU time of Redis for a change, nodes that hear of it: ${whole(count)}`,
        value,
        unit: 'µs',
      });
    }
    return factsTable([
      {
        name: 'scripts for a plain call, one of which publishes that slugs://count has changed',
        value: (after.scripts - before.scripts) / CALLS,
        unit: '',
      },
      { name: 'CPU time of Redis for a plain call', value: ((after.cpu - before.cpu) / CALLS) * 1e6, unit: 'µs' },
      {
        name: 'bytes that Redis receives for a plain call',
        value: (after.received - before.received) / CALLS,
        unit: 'bytes',
      },
      { name: 'bytes that Redis sends for a plain call', value: (after.sent - before.sent) / CALLS, unit: 'bytes' },
      {
        name: `memory of Redis for each of ${whole(sessions)} idle sessions`,
        value: (bytes - bytesBefore) / sessions,
        unit: 'bytes',
      },
      ...changes,
    ]);
  } finally {
    await server.stop();
  }
}

/** What Redis has done and holds so far. */
async function countsOf(redis: TestRedis): Promise<Record<'scripts' | 'cpu' | 'bytes' | 'received' | 'sent', number>> {
  const info = String(await redis.command('INFO', 'everything'));
  const number = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0);
  return {
    scripts: number(/cmdstat_evalsha:calls=(\d+)/),
    cpu: number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/),
    bytes: number(/used_memory:(\d+)/),
    received: number(/total_net_input_bytes:(\d+)/),
    sent: number(/total_net_output_bytes:(\d+)/),
  };
}

async function openSessions(port: number, count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) (await openClient(port, 'session')).connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Seconds of CPU that Redis needs to publish a change to so many listeners. */
async function changeCpu(redis: TestRedis, listeners: number): Promise<number> {
  const log = createLogger({ level: 'error' });
  const connection = await connect(redis.url, { clock: systemClock, log });
  const sockets = await Promise.all(
    Array.from({ length: listeners }, () => listen(redis, changesChannel(connection.db))),
  );
  const before = await countsOf(redis);
  let left = CHANGES;
  const worker = async () => {
    while (left-- > 0) {
      const uri = `urn:changed:${left % 1000}`;
      const args = [Date.now(), uri, JSON.stringify({ kind: 'resource_updated', uri }), 10_000];
      await connection.run(PUBLISH_CHANGE, CHANGES_KEYS, [...args, connection.publish, changesChannel(connection.db)]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const after = await countsOf(redis);
  for (const socket of sockets) socket.destroy();
  await connection.close();
  return (after.cpu - before.cpu) / CHANGES;
}

async function listen(redis: TestRedis, channel: string): Promise<Socket> {
  const socket = createConnection(new URL(redis.url).pathname);
  socket.write(`SUBSCRIBE ${channel}\r\n`);
  await once(socket, 'data');
  return socket.resume();
}
