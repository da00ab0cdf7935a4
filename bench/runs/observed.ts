/** What it costs to watch a server: metrics, a log line for each request, and a tracer. */
import { CONTENDERS, type Contender } from '../contenders.ts';
import { ERA_TITLES } from '../outcome-table.ts';
import { leaveProcessor } from '../processor.ts';
import { ratioTable } from '../ratio-table.ts';
import { runRounds, type Outcome } from '../rounds.ts';
import { perNode, type RunContext, type Section } from '../section.ts';
import { SLUGIFY } from '../calls.ts';

const METRICS = { MCP_METRICS_PORT: '0' };
/** A line for each request, into a pipe. */
const REQUEST_LOG = { MCP_LOG_REQUESTS: 'on', LOG_FORMAT: 'json' };
/** It samples nothing: what it costs to send spans is the exporter's. */
const TRACER = { NODE_OPTIONS: '--import ./bench/tracer.mjs' };
/** What watches it. */
const WATCHED = {
  metrics: METRICS,
  'a line for each request': REQUEST_LOG,
  'a tracer': TRACER,
  'all three': { ...METRICS, ...REQUEST_LOG, ...TRACER },
};

/** The run `observed`. */
export async function observed({ nodes, options, print }: RunContext): Promise<Section> {
  const processor = leaveProcessor(print);
  const tables = new Map<Contender, Outcome[]>();
  for (const contender of CONTENDERS.filter(({ id }) => id === 'ours-session' || id === 'ours-modern')) {
    const watched = Object.entries(WATCHED).map(([title, env]) => {
      return { ...contender, id: `${contender.id}-${title}`, title, env };
    });
    const servers = [{ ...contender, title: 'as it is' }, ...watched];
    tables.set(contender, await runRounds(servers, nodes, options, print, { subject: SLUGIFY, processor }));
  }
  const body = perNode(nodes, (node) =>
    Array.from(tables, ([{ era }, outcomes]) => {
      const here = outcomes.filter((outcome) => outcome.node === node);
      return `**${ERA_TITLES[era]}**\n\n${ratioTable(here, 'server', 'as it is')}`;
    }).join('\n\n'),
  );
  const text =
    'The usual call, to the server as it is by default, which logs no requests, and with `MCP_METRICS_PORT`, with `MCP_LOG_REQUESTS=on` ' +
    '(lines of JSON, into a pipe), and with a tracer of OpenTelemetry that samples nothing. Ratios are taken within rounds.';
  return { title: 'Metrics, logs and traces', body: `${text}\n\n${body}` };
}
