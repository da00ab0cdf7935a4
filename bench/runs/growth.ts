/** How the cost of a call grows with what this project holds. Only CPU time per call is judged: noise moves it least. */
import { lineChart } from '../chart.ts';
import { SLUGIFY } from '../calls.ts';
import { startFixture, type Fixture } from '../fixture-server.ts';
import { measureWindow, type Measurement } from '../measure.ts';
import { openStreams, type OpenStreams } from '../open-streams.ts';
import type { BenchOptions } from '../options.ts';
import type { NodeBinary } from '../prepare.ts';
import { perNode, type RunContext, type Section } from '../section.ts';
import { startLoad } from '../start-load.ts';
import { growthExponent } from '../statistics.ts';
import { figure, markdownTable, whole } from '../table.ts';
import { verify } from '../verify.ts';

/** A cost that grows by more than this share from the smallest to the largest size is pointed out. */
const GROWTH_LIMIT = 1.5;
const MAX_SECONDS = 2;
/** Measurements of each size, of which the cheapest counts: what disturbs one can only make it dearer. */
const MAX_WINDOWS = 3;

interface Point {
  size: number;
  measurement: Measurement;
}

/** One thing there can be more of. */
interface Axis {
  title: string;
  id: 'ours-session' | 'ours-stateless' | 'ours-modern';
  sizes: readonly number[];
  quickSizes: readonly number[];
  /** Brings a running server from one size to the next. Without it, each size has a server of its own. */
  grow?: (fixture: Fixture, from: number, to: number) => Promise<OpenStreams | undefined>;
  env?: (size: number) => Record<string, string>;
  sessionsEach?: (size: number, connections: number) => number;
}

const toolsEnv = (size: number) => ({ BENCH_TOOLS: String(size) });
const tools = { sizes: [2, 10, 100, 1000], quickSizes: [2, 100], env: toolsEnv };
const AXES: readonly Axis[] = [
  {
    title: 'session records',
    id: 'ours-session',
    sizes: [10, 100, 1000, 10_000, 100_000],
    quickSizes: [10, 1000],
    grow: async (fixture, from, to) => {
      await fixture.tell({ ask: 'openSessions', count: to - from });
      return undefined;
    },
  },
  {
    title: 'sessions called in turn',
    id: 'ours-session',
    sizes: [32, 320, 960, 3200, 9600],
    quickSizes: [32, 1600],
    sessionsEach: (size, connections) => Math.ceil(size / connections),
  },
  { title: 'tools, session', id: 'ours-session', ...tools },
  { title: 'tools, stateless', id: 'ours-stateless', ...tools },
  { title: 'tools, 2026-07-28', id: 'ours-modern', ...tools },
  {
    title: 'events in the log',
    id: 'ours-session',
    sizes: [10, 100, 1000, 10_000, 100_000],
    quickSizes: [10, 1000],
    grow: async (fixture, from, to) => {
      await fixture.tell({ ask: 'logEvents', count: to - from });
      return undefined;
    },
  },
  {
    title: 'open streams',
    id: 'ours-session',
    sizes: [10, 100, 1000, 5000],
    quickSizes: [10, 500],
    grow: (fixture, from, to) => openStreams(fixture.port, to - from),
  },
];

/** The run `growth`. */
export async function growth({ nodes, options, print }: RunContext): Promise<Section> {
  const found = new Map<NodeBinary, { axis: Axis; points: Point[] }[]>();
  for (const node of nodes) {
    const lines = [];
    for (const axis of AXES) {
      const sizes = options.quick ? axis.quickSizes : axis.sizes;
      const points = axis.grow
        ? await growOne(axis, axis.grow, sizes, node, options)
        : await startMany(axis, sizes, node, options);
      lines.push({ axis, points });
      const costs = points.map(({ size, measurement }) => `${size}: ${figure(measurement.cpuMicroseconds)}`);
      print(`growth on Node ${node.major}, ${axis.title}: ${costs.join(', ')} µs CPU`);
    }
    found.set(node, lines);
  }
  const newest = nodes.toSorted((a, b) => b.major - a.major)[0];
  const lines = (newest && found.get(newest)) ?? [];
  const chart = lineChart({
    title: `CPU time of a call in µs, Node.js ${newest?.major}`,
    xTitle: 'how many there are',
    lines: lines.map(({ axis, points }) => ({
      label: axis.title,
      points: points.map(({ size, measurement }) => ({ x: size, y: measurement.cpuMicroseconds })),
    })),
  });
  const text =
    'The same call to this project, with more and more of one thing. `exponent` is b in cost ∝ size^b between the ' +
    `ends: 0 is flat, 1 linear. What costs more than ${GROWTH_LIMIT} times as much at the end is marked. Of ` +
    'sessions called in turn, the servers of 1000 are kept in memory (`MCP_MAX_LIVE_SESSIONS`); with more of them each ' +
    'call builds its server anew from the record, which is a step and not growth. The cheapest of ' +
    `${Math.min(options.rounds, MAX_WINDOWS)} measurements ` +
    'counts, since what disturbs one can only make it dearer.';
  const body = perNode(nodes, (node) => growthTable(found.get(node) ?? []));
  return { title: 'How cost grows', body: `${text}\n\n${body}`, charts: { 'growth.svg': chart } };
}

/** Measures one server that is given more and more. */
async function growOne(
  axis: Axis,
  grow: NonNullable<Axis['grow']>,
  sizes: readonly number[],
  node: NodeBinary,
  options: BenchOptions,
): Promise<Point[]> {
  const fixture = await startFixture(axis.id, { node: node.path });
  const opened: OpenStreams[] = [];
  const points: Point[] = [];
  try {
    let from = 0;
    // Code is compiled by then; otherwise the smallest size would pay for it, and hide growth.
    await measureNow(axis, 0, fixture, options, options.warmSeconds);
    for (const size of sizes) {
      const streams = await grow(fixture, from, size);
      if (streams) opened.push(streams);
      from = size;
      points.push({ size, measurement: await measureNow(axis, size, fixture, options) });
    }
    return points;
  } finally {
    await Promise.all(opened.map((streams) => streams.close()));
    await fixture.stop();
  }
}

async function startMany(
  axis: Axis,
  sizes: readonly number[],
  node: NodeBinary,
  options: BenchOptions,
): Promise<Point[]> {
  const points: Point[] = [];
  for (const size of sizes) {
    const fixture = await startFixture(axis.id, { node: node.path, env: axis.env?.(size) ?? {} });
    try {
      await verify(fixture.port, fixture.contender.era, SLUGIFY, axis.env ? size : 2);
      points.push({ size, measurement: await measureNow(axis, size, fixture, options, options.warmSeconds) });
    } finally {
      await fixture.stop();
    }
  }
  return points;
}

/** Measures a server; one that was measured before needs no long warm-up. */
async function measureNow(
  axis: Axis,
  size: number,
  fixture: Fixture,
  options: BenchOptions,
  warmSeconds = Math.min(options.warmSeconds, MAX_SECONDS),
): Promise<Measurement> {
  const { connections } = options;
  const sessionsEach = axis.sessionsEach?.(size, connections) ?? 1;
  const { era } = fixture.contender;
  const load = await startLoad({ ...SLUGIFY, port: fixture.port, era, connections, mode: 'call', sessionsEach });
  try {
    await load.run(warmSeconds);
    const windows: Measurement[] = [];
    while (windows.length < Math.min(options.rounds, MAX_WINDOWS)) {
      windows.push(await measureWindow(fixture, load, Math.min(options.seconds, MAX_SECONDS)));
    }
    const cheapest = Math.min(...windows.map(({ cpuMicroseconds }) => cpuMicroseconds));
    const found = windows.find(({ cpuMicroseconds }) => cpuMicroseconds === cheapest);
    if (!found) throw new Error('Nothing was measured');
    return found;
  } finally {
    await load.stop();
  }
}

function growthTable(lines: readonly { axis: Axis; points: readonly Point[] }[]): string {
  const columns = [
    { title: 'more' },
    { title: 'size', isFigure: true },
    { title: 'CPU µs each', isFigure: true },
    { title: 'requests/s', isFigure: true },
    { title: 'p99 ms', isFigure: true },
    { title: 'exponent', isFigure: true },
  ];
  const rows = lines.flatMap(({ axis, points }) => {
    const costs = points.map(({ size, measurement }) => ({ size, cost: measurement.cpuMicroseconds }));
    const exponent = growthExponent(costs);
    const isTooMuch = (costs.at(-1)?.cost ?? 0) > GROWTH_LIMIT * (costs[0]?.cost ?? 0);
    return points.map(({ size, measurement }, index) => [
      axis.title,
      whole(size),
      figure(measurement.cpuMicroseconds),
      figure(measurement.perSecond),
      figure(measurement.p99),
      index < points.length - 1 ? '' : `${isTooMuch ? '**grows** ' : ''}${exponent.toFixed(2)}`,
    ]);
  });
  return markdownTable(columns, rows);
}
