/** What it costs to keep sessions elsewhere than in memory: in a file, or in Redis. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { SLUGIFY, SLUGIFY_BATCH } from '../calls.ts';
import { CONTENDERS, type Contender } from '../contenders.ts';
import { redisFacts } from '../engine-facts.ts';
import type { NodeBinary } from '../prepare.ts';
import { leaveProcessor } from '../processor.ts';
import { ratioTable } from '../ratio-table.ts';
import { runRounds } from '../rounds.ts';
import { perNode, type RunContext, type Section } from '../section.ts';

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
        `${title('A plain call')}${ratioTable(calls, 'sessions in', 'memory')}`,
        `${title('A streamed call, as above')}${ratioTable(streamed, 'sessions in', 'memory')}`,
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
