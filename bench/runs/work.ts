/** Calls that do work, as in TM Dev Lab's second comparison of MCP servers: each asks Redis and an HTTP service. */
import { NO_REDIS, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { SLUGIFY } from '../calls.ts';
import { contenderOf, pickContenders, type Contender } from '../contenders.ts';
import type { BenchOptions } from '../options.ts';
import { ERA_TITLES, ranked, summaryOf } from '../outcome-table.ts';
import { nextMessage, startModule, stopProcess } from '../processes.ts';
import { leaveProcessor } from '../processor.ts';
import { runRounds, type Outcome } from '../rounds.ts';
import { newest, type RunContext, type Section } from '../section.ts';
import { freePort } from '../server.ts';
import { figure, markdownTable, megabytes, percent, whole } from '../table.ts';
import { PAUSE_MS, userId, USERS } from '../work-calls.ts';

/** Who takes part: those of the servers there that run on Node.js, as they were set up there, and with sessions. */
const WORKERS = [
  'ours-session',
  'ours-stateless',
  'tmcp-session',
  'sdk2-hono-session',
  'sdk2-hono-stateless',
  'sdk1-express-session',
  'sdk1-express-stateless',
].map(contenderOf);
/** Those of them that were asked for. */
export function workersOf({ only }: Pick<BenchOptions, 'only'>): Contender[] {
  const picked = pickContenders(only);
  return WORKERS.filter((worker) => picked.includes(worker));
}

/** Two of `slugify`, and three that do work. */
const TOOLS = 5;
/** Sessions of a user before each pause: a call of each tool, and `tools/list`. */
const KINDS = 4;
/** `initialize`, and the call or `tools/list`: they are counted there, notifications and DELETE are not. */
const COUNTED_EACH = 2;
const CARTS = 10_000;
const HISTORIES = 1000;
const ORDERS_EACH = 20;
const PRODUCTS = 100_000;
const AT_ONCE = 1000;

/** What they found, in the order of their table. */
const QUOTED =
  'TM Dev Lab, [MCP Server Performance Benchmark v2](https://www.tmdevlab.com/mcp-server-performance-benchmark-v2.html) ' +
  '(runs of 27 and 28 February 2026, [code](https://github.com/thiagomendes/benchmark-mcp-servers-v2)), found: ' +
  'Rust 4,845 requests a second (with a patch to its SDK; 1,284 without it, in a run of 1 March), Quarkus ' +
  '4,739, Go 3,616, Java 3,540, Bun 876, Node.js 423, Python 259. Each server had a container with two processors, beside those of Redis and the service; Node.js and Bun ran SDK 1.26 on ' +
  'Express 4 without sessions, in four processes. Each server here is one process. The figures there ' +
  'and here are from different machines, and none of them says how one of its servers would do here: compare rows of the table with each other.';

/** The run `work`. */
export async function work({ nodes, options, print }: RunContext): Promise<Section> {
  if (NO_REDIS !== undefined) throw new Error(NO_REDIS);
  const processor = leaveProcessor(print);
  const redisPort = String(await freePort());
  const redis = await startRedis(['--port', redisPort, '--bind', '127.0.0.1']);
  const service = startModule('bench/work-service.mjs', []);
  try {
    const { port } = await nextMessage<{ port: number }>(service);
    await seed(redis);
    const env = { BENCH_SERVICE: `http://127.0.0.1:${port}`, BENCH_REDIS: `redis://127.0.0.1:${redisPort}` };
    const pause = { milliseconds: PAUSE_MS, every: KINDS };
    const subject = { subject: SLUGIFY, mode: 'work', tools: TOOLS, env, pause, processor } as const;
    const node = newest(nodes);
    const outcomes = await runRounds(workersOf(options), [node], { ...options, connections: USERS }, print, subject);
    const table = `### Node.js ${node.version}\n\n${workTable(outcomes)}`;
    const { rounds, seconds, warmSeconds } = options;
    const text =
      `${USERS} users, each on a connection of its own: a session for each of three tools and for \`tools/list\`, then ` +
      `${PAUSE_MS} ms of rest. A session is \`initialize\`, \`notifications/initialized\`, the call and, where there is a ` +
      'session, DELETE. `search_products` asks an HTTP service and reads a sorted set in Redis, `get_user_cart` reads a hash, ' +
      'then asks the service and reads a list, `checkout` posts to the service, counts, appends and scores in Redis; answers ' +
      'are checked as there. Of these requests `initialize`, calls and `tools/list` are counted, as there; times and CPU time ' +
      `are those of a whole session. ${rounds} rounds of ${seconds} s after ${warmSeconds} s of warming up. ` +
      (processor === undefined ? '' : 'The server has a processor to itself; all else shares the others. ') +
      'Rebuilt from the description of that comparison; revision 2025-11-25 instead of 2024-11-05, the service on Node.js ' +
      'instead of Go, and Redis seeded once instead of before each server.';
    return { title: 'Calls that do work', body: `${text}\n\n${QUOTED}\n\n${table}` };
  } finally {
    await stopProcess(service);
    await redis.stop();
  }
}

function workTable(outcomes: readonly Outcome[]): string {
  const columns = [
    { title: 'contender' },
    { title: 'era' },
    ...['requests/s', 'spread', 'session p50 ms', 'session p99 ms', 'CPU µs a session', 'RSS MB', 'generator'].map(
      (title) => ({ title, isFigure: true }),
    ),
  ];
  const rows = ranked(outcomes).map((outcome) => {
    const { contender, rounds } = outcome;
    const rate = summaryOf(outcome, ({ perSecond }) => COUNTED_EACH * perSecond);
    return [
      contender.ours ? `**${contender.title}**` : contender.title,
      ERA_TITLES[contender.era],
      whole(rate.median),
      rounds.length > 1 ? `±${percent(rate.spread)}` : '–',
      figure(summaryOf(outcome, ({ p50 }) => p50).median),
      figure(summaryOf(outcome, ({ p99 }) => p99).median),
      figure(summaryOf(outcome, ({ cpuMicroseconds }) => cpuMicroseconds).median),
      megabytes(summaryOf(outcome, ({ rss }) => rss).median),
      percent(summaryOf(outcome, ({ generatorShare }) => generatorShare).median),
    ];
  });
  const out = outcomes.filter(({ disqualified }) => disqualified !== undefined);
  const reasons = out.map(({ contender, disqualified }) => `- Not in it: ${contender.id}: ${disqualified}`);
  return [markdownTable(columns, rows), ...reasons].join('\n\n');
}

/** What is in Redis at the start: carts, histories of orders, and the popularity of products. */
async function seed(redis: TestRedis): Promise<void> {
  for (let user = 1; user <= CARTS; user += 1) {
    const id = userId(user);
    const items = [7, 13].map((factor) => ({ product_id: ((user * factor) % PRODUCTS) + 1, qty: 1 + (user % 3) }));
    const fields = { user_id: id, items: JSON.stringify(items), total: '42.00', created: '1740000000' };
    await redis.command('HSET', `bench:cart:${id}`, ...Object.entries(fields).flat());
  }
  for (let user = 1; user <= HISTORIES; user += 1) {
    const orders = Array.from({ length: ORDERS_EACH }, (_, order) =>
      JSON.stringify({ order_id: `ORD-${user}-${order}`, product_id: user * (order + 1), qty: 1, price: 9.99 }),
    );
    await redis.command('RPUSH', `bench:history:${userId(user)}`, ...orders);
  }
  for (let first = 1; first <= PRODUCTS; first += AT_ONCE) {
    const scores = Array.from({ length: AT_ONCE }, (_, index) => {
      const product = first + index;
      return [(product * 7) % 10_000, `product:${product}`];
    });
    await redis.command('ZADD', 'bench:popular', ...scores.flat());
  }
}
