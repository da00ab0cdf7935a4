/** The load generator, checked: the usual call by it and by autocannon, to the same servers. */
import { SLUGIFY } from '../calls.ts';
import { openClient } from '../connection.ts';
import { contenderOf, pickContenders, type Contender } from '../contenders.ts';
import { measureWindow, startLoaded, type Loaded } from '../measure.ts';
import type { BenchOptions } from '../options.ts';
import { ERA_TITLES } from '../outcome-table.ts';
import { packageVersion, type NodeBinary } from '../prepare.ts';
import { nextMessage, startModule, stopProcess } from '../processes.ts';
import { leaveProcessor } from '../processor.ts';
import { createCallRequest, FIRST_ID, type Client } from '../requests.ts';
import { newest, type RunContext, type Section } from '../section.ts';
import { summarize } from '../statistics.ts';
import { figure, markdownTable, whole } from '../table.ts';

/** Who is loaded. */
const CHECKED = ['ours-session', 'ours-modern', 'tmcp-session', 'tmcp-modern', 'hono'].map(contenderOf);

/** Those of them that were asked for. */
export function checkedOf({ only }: Pick<BenchOptions, 'only'>): Contender[] {
  const picked = pickContenders(only);
  return CHECKED.filter((contender) => picked.includes(contender));
}

/** By one generator: answers in a second, and CPU time of the server for each, in microseconds. */
interface Found {
  perSecond: number;
  cpuMicroseconds: number;
}

interface Pair {
  own: Found;
  autocannon: Found;
}

interface How {
  node: NodeBinary;
  options: BenchOptions;
  processor: number | undefined;
}

/** The run `check`. */
export async function check({ nodes, options, print }: RunContext): Promise<Section> {
  const node = newest(nodes);
  const how = { node, options, processor: leaveProcessor(print) };
  const pairs = new Map<Contender, Pair[]>();
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const contender of checkedOf(options)) {
      const pair = await checkOnce(contender, how, round % 2 === 0);
      pairs.set(contender, [...(pairs.get(contender) ?? []), pair]);
      const shown = `${figure(pair.own.perSecond)}/s, by autocannon ${figure(pair.autocannon.perSecond)}/s`;
      print(`check ${round}/${options.rounds} Node ${node.major} ${contender.id}: ${shown}`);
    }
  }
  const columns = ['requests/s', 'by autocannon', 'CPU µs each', 'by autocannon', 'ratio'].map((title) => {
    return { title, isFigure: true };
  });
  const rows = Array.from(pairs, ([contender, rounds]) => rowOf(contender, rounds));
  const table = markdownTable([{ title: 'contender' }, { title: 'era' }, ...columns], rows);
  const text =
    `The usual call by the load generator of this bench and by autocannon ${await packageVersion('autocannon')}, one ` +
    `after the other to the same process, ${options.connections} connections each; medians of ${options.rounds} rounds ` +
    `of ${options.seconds} s. autocannon counts answers with a status of 2xx, and looks at nothing else of them. What ` +
    'should agree is the CPU time of the server for a call; `ratio` is that by autocannon, divided by the other. ' +
    'autocannon sends ids of 33 characters instead of eight digits, and needs more of its processor, which can limit ' +
    'the requests in a second.';
  return { title: 'The load generator, checked', body: `${text}\n\n### Node.js ${node.version}\n\n${table}` };
}

function rowOf(contender: Contender, rounds: readonly Pair[]): string[] {
  const median = (measure: (pair: Pair) => number) => summarize(rounds.map(measure)).median;
  return [
    contender.ours ? `**${contender.title}**` : contender.title,
    ERA_TITLES[contender.era],
    whole(median(({ own }) => own.perSecond)),
    whole(median(({ autocannon }) => autocannon.perSecond)),
    figure(median(({ own }) => own.cpuMicroseconds)),
    figure(median(({ autocannon }) => autocannon.cpuMicroseconds)),
    median(({ own, autocannon }) => autocannon.cpuMicroseconds / own.cpuMicroseconds).toFixed(2),
  ];
}

async function checkOnce(contender: Contender, how: How, isOwnLast: boolean): Promise<Pair> {
  const { node, options, processor } = how;
  const loaded = await startLoaded(contender, { node, options, processor, subject: SLUGIFY });
  try {
    const early = isOwnLast ? undefined : await measureWindow(loaded.server, loaded.load, options.seconds);
    const autocannon = await byAutocannon(contender, loaded, options);
    const own = early ?? (await measureWindow(loaded.server, loaded.load, options.seconds));
    return { own, autocannon };
  } finally {
    await loaded.stop();
  }
}

async function byAutocannon({ id, era }: Contender, { server }: Loaded, options: BenchOptions): Promise<Found> {
  const { port } = server;
  const clients = await Promise.all(
    Array.from({ length: options.connections }, async () => {
      const { client, connection } = await openClient(port, era);
      connection.close();
      return requestOf(client);
    }),
  );
  const child = startModule('bench/contenders/autocannon-load.mjs', []);
  try {
    const told = nextMessage<{ count: number; failures: number; seconds: number }>(child);
    const before = await server.usage();
    child.send({ url: `http://127.0.0.1:${port}/mcp`, seconds: options.seconds, clients });
    const { count, failures, seconds } = await told;
    const after = await server.usage();
    if (failures > 0 || count === 0) throw new Error(`${id}: autocannon had ${failures} failures in ${count} calls`);
    const cpuMicroseconds = (after.cpuMicroseconds - before.cpuMicroseconds) / count;
    return { perSecond: count / seconds, cpuMicroseconds };
  } finally {
    await stopProcess(child);
  }
}

/** The usual call as autocannon takes it: headers that it does not set itself, and a body with a place for ids. */
export function requestOf(client: Client): { headers: Record<string, string>; body: string } {
  const [head = '', body = ''] = createCallRequest(client, SLUGIFY.call)(FIRST_ID).toString().split('\r\n\r\n');
  const lines = head.split('\r\n').slice(1);
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const);
  const own = new Set(['Host', 'Connection', 'Content-Length']);
  return {
    headers: Object.fromEntries(headers.filter(([name]) => !own.has(name))),
    body: body.replace(`"id":${FIRST_ID}`, '"id":"[<id>]"'),
  };
}
