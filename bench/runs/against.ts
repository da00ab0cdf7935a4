/**
 * Two builds of this project: another checkout ("before") and this one ("after"), for whoever wants to know whether a
 * change has made it faster; or this one and a peer, in more rounds than `compare`. It is no part of the results.
 *
 * In each round both servers get a process of their own, one beside the other; after both are warm, short windows of
 * load alternate between them, so that what else the machine does hits both alike. A round is one ratio of CPU time.
 */
import { SLUGIFY } from '../calls.ts';
import { contenderOf, opponentOf, pickContenders, type Contender } from '../contenders.ts';
import { Disqualified, measureInTurn, startLoaded, type Loaded, type Measured, type Measurement } from '../measure.ts';
import type { Against, AgainstTable, BenchOptions } from '../options.ts';
import { ERA_TITLES } from '../outcome-table.ts';
import type { NodeBinary } from '../prepare.ts';
import { leaveProcessor } from '../processor.ts';
import type { Subject } from '../rounds.ts';
import { perNode, type RunContext, type Section } from '../section.ts';
import { changeOf, summarize } from '../statistics.ts';
import { figure, markdownTable } from '../table.ts';
import { canDo, workOf } from './rounds.ts';
import { startOnce } from './start.ts';

/** Starts of each build in a round: one takes a quarter of a second only. */
const STARTS = 5;
/** Sessions in turn: more than keep their servers, so that each call builds one from its record. */
const TURNS = { sessions: 3200, live: 1000 };

const PERIODS = ['before', 'after'] as const;
type Builds<T> = Record<(typeof PERIODS)[number], T>;

/** What is compared: one row of the table. */
export interface Row {
  table: AgainstTable;
  /** One of this project's contenders. */
  id: 'ours-session' | 'ours-stateless' | 'ours-modern';
  subject: Subject;
  connections?: number | undefined;
}

/** Costs of a round in microseconds of CPU time for a unit. */
type Costs = Builds<number>;

/** The rows of some tables, for the eras whose contenders were asked for, as far as the other side has them. */
export function rowsOf({ other, tables }: Against, { connections, only }: BenchOptions): Row[] {
  const eras = ['ours-session', 'ours-stateless', 'ours-modern'] as const;
  const turns: Subject = {
    subject: SLUGIFY,
    sessionsEach: Math.ceil(TURNS.sessions / connections),
    env: { MCP_MAX_LIVE_SESSIONS: String(TURNS.live) },
  };
  const rows = tables.flatMap((table): Row[] => {
    if (table === 'turns') return [{ table, id: 'ours-session', subject: turns }];
    if (table === 'compare') return eras.map((id) => ({ table, id, subject: { subject: SLUGIFY } }));
    if (table === 'start') return [{ table, id: 'ours-session', subject: { subject: SLUGIFY } }];
    const work = workOf(table);
    const inEra = table === 'churn' ? eras.slice(0, 1) : eras;
    return inEra.map((id) => ({ table, id, ...work }));
  });
  const picked = new Set(pickContenders(only).map(({ id }) => id));
  return rows.filter((row) => picked.has(row.id) && takesPart(opponentOf(contenderOf(row.id), other), row.table));
}

function takesPart(opponent: Contender | undefined, table: AgainstTable): boolean {
  if (!opponent || opponent.ours) return opponent !== undefined;
  // Peers keep all their sessions in memory.
  if (table === 'turns') return false;
  return table === 'compare' || table === 'start' || canDo(table, opponent);
}

/** Measures the tables that were asked for. */
export async function against({ nodes, options, print }: RunContext, target: Against): Promise<Section> {
  const processor = leaveProcessor(print);
  const parts = new Map<NodeBinary, string>();
  for (const node of nodes) {
    const rows: string[][] = [];
    for (const row of rowsOf(target, options)) {
      rows.push(cellsOf(row, await costsOf(row, target.other, { node, options, processor }, print)));
      print(`Node ${node.major}: ${rows.at(-1)?.join(', ')}`);
    }
    const { before, after } = titlesOf(target.other);
    const columns = ['table', 'era', `${before}, CPU µs each`, `${after}, CPU µs each`, `${after} is`];
    const titles = columns.map((title) => ({ title, isFigure: title.includes('CPU') }));
    parts.set(node, markdownTable(titles, rows));
  }
  const text =
    `CPU time of the server for a call (churn: a session; start: until the first right answer), ${options.rounds} ` +
    'rounds, each a new process of both. The difference is the mean over the rounds, ± half of its 95 % ' +
    'confidence interval. Of twenty rows without a difference, one will be said to have one: measure it again alone.';
  const title = `This build against ${target.other}`;
  return { title, body: `${text}\n\n${perNode(nodes, (node) => parts.get(node) ?? '')}` };
}

/** What the two are called: a peer by its name. */
function titlesOf(other: string): Builds<string> {
  const isBuild = opponentOf(contenderOf('ours-session'), other)?.ours;
  return isBuild ? { before: 'before', after: 'after' } : { before: other, after: 'this build' };
}

/** A row of the table. */
function cellsOf({ table, id }: Row, rounds: readonly Costs[]): string[] {
  const median = (period: keyof Costs) => figure(summarize(rounds.map((costs) => costs[period])).median);
  const verdict = verdictOf(rounds.map(({ before, after }) => after / before));
  return [table, ERA_TITLES[contenderOf(id).era], median('before'), median('after'), verdict];
}

const inPercent = (share: number) => (100 * share).toFixed(1);

/** What ratios of CPU time say, in words: `faster by 4.1 % ± 0.9`, or that no difference is seen. */
export function verdictOf(ratios: readonly number[]): string {
  const { change, halfWidth } = changeOf(ratios);
  if (Math.abs(change) <= halfWidth) return `no difference seen (${inPercent(change)} % ± ${inPercent(halfWidth)})`;
  return `${change < 0 ? 'faster' : 'slower'} by ${inPercent(Math.abs(change))} % ± ${inPercent(halfWidth)}`;
}

type How = Required<Pick<Measured, 'node' | 'options'>> & Pick<Measured, 'processor'> & { options: BenchOptions };

async function costsOf(row: Row, other: string, how: How, print: (line: string) => void): Promise<Costs[]> {
  const after = contenderOf(row.id);
  const before = opponentOf(after, other);
  if (!before) throw new Error(`${other} does not serve ${after.era}`);
  const builds: Builds<Contender> = { before, after };
  const titles = titlesOf(other);
  const rounds: Costs[] = [];
  while (rounds.length < how.options.rounds) {
    // Neither build is always the first.
    const order = rounds.length % 2 === 0 ? PERIODS : PERIODS.toReversed();
    const costs = await (row.table === 'start' ? startCosts(builds, order, how) : callCosts(row, builds, order, how));
    rounds.push(costs);
    const shown = PERIODS.map((period) => `${titles[period]} ${figure(costs[period])} µs`).join(', ');
    print(`${rounds.length}/${how.options.rounds} Node ${how.node.major} ${row.table} ${row.id}: ${shown}`);
  }
  return rounds;
}

type Order = readonly (keyof Costs)[];

async function callCosts(row: Row, builds: Builds<Contender>, order: Order, how: How): Promise<Costs> {
  const options = { ...how.options, connections: row.connections ?? how.options.connections };
  const loaded = new Map<keyof Costs, Loaded>();
  try {
    for (const period of order) {
      loaded.set(period, await startLoaded(builds[period], { ...row.subject, ...how, options }));
    }
    const results = await measureInTurn(loaded, options.seconds);
    return { before: costIn(results.get('before')), after: costIn(results.get('after')) };
  } catch (error) {
    if (error instanceof Disqualified) throw new Error(`${row.table} ${row.id}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    for (const { stop } of loaded.values()) await stop();
  }
}

function costIn(result: Measurement | Disqualified | undefined): number {
  if (!result || result instanceof Disqualified) throw result ?? new Error('It was not measured');
  return result.cpuMicroseconds;
}

async function startCosts(builds: Builds<Contender>, order: Order, { node, processor }: How): Promise<Costs> {
  const costs: Costs = { before: 0, after: 0 };
  for (let start = 0; start < STARTS; start += 1) {
    for (const period of start % 2 === 0 ? order : order.toReversed()) {
      costs[period] += (await startOnce(builds[period], node, processor)).cpuMicroseconds / STARTS;
    }
  }
  return costs;
}
