/** What it costs to keep sessions elsewhere than in memory: in a file, or in Redis. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { SLUGIFY, SLUGIFY_BATCH } from '../calls.ts';
import { CONTENDERS, type Contender } from '../contenders.ts';
import { summaryOf } from '../outcome-table.ts';
import { redisFacts } from '../engine-facts.ts';
import type { NodeBinary } from '../prepare.ts';
import { runRounds, type Outcome } from '../rounds.ts';
import { perNode, type RunContext, type Section } from '../section.ts';
import { summarize } from '../statistics.ts';
import { figure, markdownTable, whole } from '../table.ts';

/** Since it has SQLite. */
const FILE_SINCE_NODE = 22;
const STREAM_CONNECTIONS = 100;

/** The run `engines`. */
export async function engines({ nodes, options, print }: RunContext): Promise<Section> {
  const processor = leaveProcessor(print);
  if (NO_REDIS !== undefined) print(`engines: ${NO_REDIS}`);
  const redis = NO_REDIS === undefined ? await startRedis() : undefined;
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-data-'));
  try {
    const parts = new Map<NodeBinary, string>();
    for (const node of nodes) {
      const contenders = contendersOn(node, dataDir, redis);
      const calls = await runRounds(contenders, [node], options, print, { subject: SLUGIFY, processor });
      const streams = { ...options, connections: STREAM_CONNECTIONS };
      const streamed = await runRounds(contenders, [node], streams, print, { subject: SLUGIFY_BATCH, processor });
      const tables = [
        `${title('A plain call')}${table(calls)}`,
        `${title('A streamed call, as above')}${table(streamed)}`,
      ];
      parts.set(node, tables.join('\n\n'));
    }
    const facts = redis ? `\n\n### Redis\n\n${await redisFacts(redis, nodes[0], options.quick)}` : '';
    const text = [
      'Sessions in memory, in a file (`MCP_DATA_DIR`), and in Redis (`REDIS_URL`), with Redis on the same machine, over a unix socket.',
      ...(processor === undefined
        ? []
        : ['The server has a processor to itself; Redis and the load generator share the others.']),
      'Ratios are to memory, taken within rounds; CPU time is that of the server, without Redis.',
    ].join(' ');
    return {
      title: 'Sessions that outlive the process',
      body: `${text}\n\n${perNode(nodes, (node) => parts.get(node) ?? '')}${facts}`,
    };
  } finally {
    await redis?.stop();
    await rm(dataDir, { recursive: true });
  }
}

/** Has this process and those that it starts use all processors but one, which the server gets; `undefined` if it cannot. */
function leaveProcessor(print: (line: string) => void): number | undefined {
  const count = availableParallelism();
  if (count < 2) return undefined;
  try {
    execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', `1-${count - 1}`, String(process.pid)]);
    return 0;
  } catch (error) {
    print(`engines: the server has no processor to itself (${String(error)})`);
    return undefined;
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
