/** What it costs to keep sessions elsewhere than in memory: in a file, or in Redis. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { SLUGIFY, SLUGIFY_BATCH } from '../calls.ts';
import { openClient } from '../connection.ts';
import { CONTENDERS, type Contender } from '../contenders.ts';
import { summaryOf } from '../outcome-table.ts';
import type { NodeBinary } from '../prepare.ts';
import { createCallRequest, FIRST_ID } from '../requests.ts';
import { runRounds, type Outcome } from '../rounds.ts';
import { factsTable, perNode, type RunContext, type Section } from '../section.ts';
import { startServer } from '../server.ts';
import { summarize } from '../statistics.ts';
import { figure, markdownTable, whole } from '../table.ts';

/** Since it has SQLite. */
const FILE_SINCE_NODE = 22;
const STREAM_CONNECTIONS = 100;
const IDLE_SESSIONS = 100_000;
const QUICK_IDLE_SESSIONS = 2000;
/** Sessions opened at a time. */
const AT_ONCE = 50;
const CALLS = 1000;

/** The run `engines`. */
export async function engines({ nodes, options, print }: RunContext): Promise<Section> {
  if (NO_REDIS !== undefined) print(`engines: ${NO_REDIS}`);
  const redis = NO_REDIS === undefined ? await startRedis() : undefined;
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-data-'));
  try {
    const parts = new Map<NodeBinary, string>();
    for (const node of nodes) {
      const contenders = contendersOn(node, dataDir, redis);
      const calls = await runRounds(contenders, [node], options, print);
      const streams = { ...options, connections: STREAM_CONNECTIONS };
      const streamed = await runRounds(contenders, [node], streams, print, { subject: SLUGIFY_BATCH });
      const tables = [
        `${title('A plain call')}${table(calls)}`,
        `${title('A streamed call, as above')}${table(streamed)}`,
      ];
      parts.set(node, tables.join('\n\n'));
    }
    const facts = redis ? `\n\n### Redis\n\n${await factsOf(redis, nodes[0], options.quick)}` : '';
    const text =
      'Sessions in memory, in a file (`MCP_DATA_DIR`), and in Redis (`REDIS_URL`), with Redis on the same machine, over a ' +
      'unix socket. Ratios are to memory, taken within rounds; CPU time is that of the server, without Redis.';
    return {
      title: 'Sessions that outlive the process',
      body: `${text}\n\n${perNode(nodes, (node) => parts.get(node) ?? '')}${facts}`,
    };
  } finally {
    await redis?.stop();
    await rm(dataDir, { recursive: true });
  }
}

const title = (text: string) => `**${text}**\n\n`;

function contendersOn(node: NodeBinary, dataDir: string, redis: TestRedis | undefined): Contender[] {
  const memory = CONTENDERS.find(({ id }) => id === 'ours-session');
  if (!memory) throw new Error('There is no ours-session');
  const others: Contender[] = [];
  if (node.major >= FILE_SINCE_NODE) {
    others.push({ ...memory, id: 'ours-session-file', title: 'file', env: { MCP_DATA_DIR: dataDir } });
  }
  if (redis) others.push({ ...memory, id: 'ours-session-redis', title: 'Redis', env: { REDIS_URL: redis.url } });
  return [{ ...memory, title: 'memory' }, ...others];
}

function table(outcomes: readonly Outcome[]): string {
  const columns = [
    { title: 'sessions in' },
    ...['requests/s', 'p99 ms', 'CPU µs each', 'requests/s, times memory', 'p99, times memory'].map((name) => ({
      title: name,
      isFigure: true,
    })),
  ];
  const [memory] = outcomes;
  const rows = outcomes.map((outcome) => {
    const { contender, disqualified } = outcome;
    if (disqualified !== undefined) return [contender.title, disqualified, '', '', '', ''];
    const ratio = (measure: (round: Outcome['rounds'][number]) => number) =>
      summarize(outcome.rounds.map((round, index) => measure(round) / measure(memory?.rounds[index] ?? round))).median;
    return [
      contender.title,
      whole(summaryOf(outcome, ({ perSecond }) => perSecond).median),
      figure(summaryOf(outcome, ({ p99 }) => p99).median),
      figure(summaryOf(outcome, ({ cpuMicroseconds }) => cpuMicroseconds).median),
      `${ratio(({ perSecond }) => perSecond).toFixed(2)}×`,
      `${ratio(({ p99 }) => p99).toFixed(2)}×`,
    ];
  });
  return markdownTable(columns, rows);
}

/** What Redis has to do for a call, and what a session takes of it. */
async function factsOf(redis: TestRedis, node: NodeBinary | undefined, isQuick: boolean): Promise<string> {
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
    return factsTable([
      {
        name: 'scripts for a plain call, one of which publishes that slugs://count has changed',
        value: (after.scripts - before.scripts) / CALLS,
        unit: '',
      },
      { name: 'CPU time of Redis for a plain call', value: ((after.cpu - before.cpu) / CALLS) * 1e6, unit: 'µs' },
      {
        name: `memory of Redis for each of ${whole(sessions)} idle sessions`,
        value: (bytes - bytesBefore) / sessions,
        unit: 'bytes',
      },
    ]);
  } finally {
    await server.stop();
  }
}

/** What Redis has done and holds so far. */
async function countsOf(redis: TestRedis): Promise<{ scripts: number; cpu: number; bytes: number }> {
  const info = String(await redis.command('INFO', 'everything'));
  const number = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0);
  return {
    scripts: number(/cmdstat_evalsha:calls=(\d+)/),
    cpu: number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/),
    bytes: number(/used_memory:(\d+)/),
  };
}

async function openSessions(port: number, count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) (await openClient(port, 'session')).connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
