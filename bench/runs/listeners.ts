/** Many GET streams on this project: what they take when idle, and how long it takes to notify all of them. */
import { startFixture } from '../fixture-server.ts';
import { openStreams } from '../open-streams.ts';
import type { NodeBinary } from '../prepare.ts';
import { factsTable, type RunContext, type Section } from '../section.ts';
import { summarize } from '../statistics.ts';

const STREAMS = 5000;
const QUICK_STREAMS = 500;
const REST_SECONDS = 30;
const QUICK_REST_SECONDS = 3;
const NOTIFICATIONS = 5;
/** Streams opened before the first measurement of memory, so that code is compiled by then. */
const FIRST_STREAMS = 50;
const NOTIFICATION = 'notifications/tools/list_changed';

/** The run `listeners`. */
export async function listeners({ nodes, options, print }: RunContext): Promise<Section> {
  const count = options.quick ? QUICK_STREAMS : STREAMS;
  const restSeconds = options.quick ? QUICK_REST_SECONDS : REST_SECONDS;
  const parts: string[] = [];
  for (const node of nodes) {
    print(`listeners on Node ${node.major}`);
    parts.push(`### Node.js ${node.version}\n\n${await measureOn(node, count, restSeconds)}`);
  }
  const text =
    `${count.toLocaleString('en-US')} sessions of this project, each with an open GET stream; keep-alive comments as ` +
    `they are by default. CPU at rest over ${restSeconds} s. Then \`${NOTIFICATION}\` to all of them, ` +
    `${NOTIFICATIONS} times; the time is until the last client has it.`;
  return { title: 'Open streams', body: `${text}\n\n${parts.join('\n\n')}` };
}

async function measureOn(node: NodeBinary, count: number, restSeconds: number): Promise<string> {
  const env = { BENCH_NOTIFY: '1' };
  const fixture = await startFixture('ours-session', { node: node.path, env, gc: true });
  try {
    const first = await openStreams(fixture.port, FIRST_STREAMS);
    const before = await fixture.usage(true);
    const streams = await openStreams(fixture.port, count);
    const open = await fixture.usage(true);
    await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000));
    const rested = await fixture.usage();
    const times: number[] = [];
    const cpu = await fixture.usage();
    for (let sent = 0; sent < NOTIFICATIONS; sent += 1) {
      const begun = performance.now();
      await Promise.all([fixture.tell({ ask: 'notifyAll' }), streams.received(NOTIFICATION)]);
      times.push(performance.now() - begun);
    }
    const told = await fixture.usage();
    await Promise.all([first.close(), streams.close()]);
    return factsTable([
      {
        name: 'resident memory of each stream with its session',
        value: (open.rss - before.rss) / count,
        unit: 'bytes',
      },
      { name: 'of it heap', value: (open.heapUsed - before.heapUsed) / count, unit: 'bytes' },
      { name: 'resident memory of the process', value: open.rss / 1e6, unit: 'MB' },
      {
        name: 'CPU at rest, of one core',
        value: (rested.cpuMicroseconds - open.cpuMicroseconds) / 1e4 / restSeconds,
        unit: '%',
      },
      { name: 'telling all of them, median', value: summarize(times).median, unit: 'ms' },
      {
        name: 'CPU time for telling each',
        value: (told.cpuMicroseconds - cpu.cpuMicroseconds) / NOTIFICATIONS / (count + FIRST_STREAMS),
        unit: 'µs',
      },
    ]);
  } finally {
    await fixture.stop();
  }
}
