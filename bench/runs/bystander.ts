/** A bystander's calls beside floods by someone else: to this project, and to two peers. */
import { callSteadily, type Calls } from '../bystander-calls.ts';
import { createConnection, shakeHands } from '../connection.ts';
import { contenderOf, type Contender } from '../contenders.ts';
import { FLOODS, type FloodKind, type FloodPlan, type FloodReport } from '../flood-plan.ts';
import type { BenchOptions } from '../options.ts';
import type { NodeBinary } from '../prepare.ts';
import { nextMessage, startModule, stopProcess } from '../processes.ts';
import { leaveProcessor } from '../processor.ts';
import { newest, type RunContext, type Section } from '../section.ts';
import { startServer, type Server } from '../server.ts';
import { percentile } from '../statistics.ts';
import { figure, markdownTable, megabytes, whole } from '../table.ts';

const CALLS_PER_SECOND = 10;
const ANSWER_CHARS = 800_000;
/** Principals whose calls warm the server up: each may make as many as the default rate limit allows. */
const WARMING = Array.from({ length: 20 }, (_, index) => `warm-${index}-`.padEnd(32, 'w'));
const TOKENS = { flood: 'f'.repeat(32), bystander: 'b'.repeat(32) };
const AUTH_TOKENS = [...Object.entries(TOKENS), ...WARMING.map((token, index) => [`warm-${index}`, token])]
  .map((entry) => entry.join(':'))
  .join();

/** The connections of a flood, enough to keep a server busy. */
const CONNECTIONS: Readonly<Record<FloodKind, number>> = { calls: 32, bodies: 4, unread: 20, sessions: 8 };
const FLOOD_TITLES: Readonly<Record<FloodKind | 'none', string>> = {
  none: 'nobody',
  calls: 'calls',
  bodies: 'bodies of 4 MB',
  unread: 'unread answers',
  sessions: 'sessions',
};
const RAISED = {
  MCP_RATE_LIMIT: '0',
  MCP_MAX_SESSIONS: '1000000',
  MCP_MAX_SESSIONS_PER_PRINCIPAL: '1000000',
  MCP_MAX_CALLS_PER_PRINCIPAL: '1000000',
};

/** A server that is flooded. */
interface Subject {
  title: string;
  contender: Contender;
  env: Record<string, string>;
}

/** The servers that are flooded. */
export const FLOODED: readonly Subject[] = [
  { title: '**this project**', contender: contenderOf('ours-session'), env: {} },
  { title: '**this project**, limits raised', contender: contenderOf('ours-session'), env: RAISED },
  { title: 'tmcp', contender: contenderOf('tmcp-session'), env: {} },
  { title: 'SDK v2 on Hono', contender: contenderOf('sdk2-hono-session'), env: {} },
];

const TEXT =
  `A bystander makes ${CALLS_PER_SECOND} calls a second in a session of its own, whatever the server does, beside a ` +
  'flood by someone else, who sends as fast as the server answers: plain calls on 32 connections; four kinds of bodies of ' +
  'about 4 MB on 4 connections (a progress token of 4 MB, 280,000 unknown arguments, a text that is too long, 4 MB of ' +
  `brackets); 30 pipelined calls with answers of ${ANSWER_CHARS / 1000} KB on each of 20 connections, none of which is ` +
  'read; and `initialize` on 8 connections, without DELETE. Times are from when a call was due to its answer; a call has ' +
  'failed when its answer is wrong or takes 5 s. In this project the two are principals with tokens of their own, once ' +
  'with its default limits (600 requests a minute and 1000 sessions for a principal) and once with limits that nothing ' +
  'here reaches; to the peers, which have no principals, the bystander is another client. What the flood got are answers ' +
  'by their status. Each row has a server of its own, warmed up with plain calls.';

/** The run `bystander`. */
export async function bystander({ nodes, options, print }: RunContext): Promise<Section> {
  const processor = leaveProcessor(print);
  const node = newest(nodes);
  const rows: string[][] = [];
  for (const subject of FLOODED) {
    for (const kind of ['none', ...FLOODS] as const) {
      const found = await floodOnce(subject, kind, { node, options, processor }).catch((error: unknown) => {
        print(`${subject.contender.id}: ${String(error)}`);
        return ['–', '–', 'not measured', '–', '–'];
      });
      rows.push([subject.title, FLOOD_TITLES[kind], ...found]);
      print(`bystander on Node ${node.major}: ${rows.at(-1)?.join(', ')}`);
    }
  }
  const figures = ['p50 ms', 'p99 ms', 'failed'].map((title) => ({ title, isFigure: true }));
  const columns = [{ title: 'server' }, { title: 'beside' }, ...figures, { title: 'the flood got' }];
  const table = markdownTable([...columns, { title: 'RSS MB at most', isFigure: true }], rows);
  const calls = `${callsOf(options)} calls of the bystander for each row.`;
  return { title: 'Beside a flood', body: `${TEXT} ${calls}\n\n### Node.js ${node.version}\n\n${table}` };
}

/** Seconds of each flood. */
export function floodSeconds({ quick }: Pick<BenchOptions, 'quick'>): number {
  return quick ? 3 : 20;
}

function callsOf(options: BenchOptions): number {
  return floodSeconds(options) * CALLS_PER_SECOND;
}

interface How {
  node: NodeBinary;
  options: BenchOptions;
  processor: number | undefined;
}

/** The cells of a row behind its titles. */
async function floodOnce(subject: Subject, kind: FloodKind | 'none', how: How): Promise<string[]> {
  const { contender } = subject;
  const env = { ...subject.env, BENCH_ANSWER_CHARS: String(ANSWER_CHARS), MCP_AUTH_TOKENS: AUTH_TOKENS };
  const entry = contender.ours ? { entry: 'bench/fixture.mjs' } : {};
  const server = await startServer(contender, { node: how.node.path, env, processor: how.processor, ...entry });
  try {
    await warmUp(server, contender, how.options.warmSeconds / 2);
    const connection = createConnection(server.port);
    const client = await shakeHands(connection, { port: server.port, era: contender.era, token: TOKENS.bystander });
    connection.close();
    const plan = { port: server.port, era: contender.era };
    const flood =
      kind === 'none'
        ? undefined
        : await startFlood({ ...plan, kind, tokens: [TOKENS.flood], connections: CONNECTIONS[kind] });
    const calls = await callSteadily(client, callsOf(how.options), CALLS_PER_SECOND);
    const got = (await flood?.stop()) ?? '–';
    return [...callCells(calls), got, await mostMemory(server)];
  } finally {
    await server.stop();
  }
}

async function warmUp(server: Server, { era }: Contender, seconds: number): Promise<void> {
  const plan = { port: server.port, era, kind: 'calls', tokens: WARMING, connections: WARMING.length } as const;
  const { stop } = await startFlood(plan);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await stop();
}

/** Starts a flood; `stop` ends it and resolves to what it got. */
async function startFlood(plan: FloodPlan): Promise<{ stop: () => Promise<string> }> {
  const child = startModule('bench/flood.ts', [], {
    execArgv: ['--import', './loader.mjs'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const begun = nextMessage<FloodReport>(child);
  child.send(plan);
  await begun;
  return {
    async stop() {
      const told = nextMessage<FloodReport>(child, (message) => 'answers' in message);
      child.send({ ask: 'answers' });
      const report = await told;
      await stopProcess(child);
      return 'answers' in report ? answersText(report.answers) : '';
    },
  };
}

/** Answers by their status, the most frequent first: `41,000 × 429, 600 × 200`. */
export function answersText(answers: Readonly<Record<string, number>>): string {
  const entries = Object.entries(answers).toSorted(([, a], [, b]) => b - a);
  return entries.length === 0 ? 'nothing' : entries.map(([what, times]) => `${whole(times)} × ${what}`).join(', ');
}

/** The figures of a row. There is no percentile where less than half of the calls were answered. */
export function callCells({ times, failures }: Calls): string[] {
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
  const show = (share: number) => (times.length > failed ? figure(percentile(times, share)) : '–');
  return [show(0.5), show(0.99), failed === 0 ? '0' : answersText(Object.fromEntries(failures))];
}

async function mostMemory(server: Server): Promise<string> {
  if (server.child.exitCode !== null || server.child.signalCode !== null) return 'it ended';
  return megabytes((await server.usage()).maxRss);
}
