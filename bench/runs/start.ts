/** From starting a process to its first right answer. */
import { SLUGIFY } from '../calls.ts';
import { openClient } from '../connection.ts';
import { pickContenders, type Contender } from '../contenders.ts';
import type { NodeBinary } from '../prepare.ts';
import { createCallRequest, FIRST_ID } from '../requests.ts';
import type { Answer } from '../answer-reader.ts';
import { problemWith } from '../answers.ts';
import { perNode, type RunContext, type Section } from '../section.ts';
import { startServer } from '../server.ts';
import { summarize } from '../statistics.ts';
import { ERA_TITLES } from '../outcome-table.ts';
import { figure, markdownTable, megabytes, percent } from '../table.ts';

/** A contender that has not answered by then is out. */
const START_MS = 20_000;

/** A start, up to the first right answer. */
interface Start {
  milliseconds: number;
  cpuMicroseconds: number;
  rss: number;
}

/** The run `start`. */
export async function start({ nodes, options, print }: RunContext): Promise<Section> {
  const contenders = pickContenders(options.only).filter(isFirstOfItsProgram);
  const starts = new Map<string, Start[]>();
  for (let round = 0; round < options.rounds; round += 1) {
    for (const node of nodes) {
      for (const contender of contenders) {
        const known = starts.get(key(contender, node)) ?? [];
        const started = await startOnce(contender, node).catch((error: unknown) => print(String(error)));
        if (started) starts.set(key(contender, node), [...known, started]);
      }
    }
    print(`start ${round + 1}/${options.rounds}`);
  }
  const columns = [
    { title: 'contender' },
    { title: 'era of the call' },
    { title: 'ms', isFigure: true },
    { title: 'spread', isFigure: true },
    { title: 'RSS MB', isFigure: true },
  ];
  const tables = perNode(nodes, (node) => {
    const rows = contenders.flatMap((contender) => {
      const here = starts.get(key(contender, node)) ?? [];
      // A contender that fails once is out.
      if (here.length < options.rounds) return [];
      const time = summarize(here.map(({ milliseconds }) => milliseconds));
      const rss = summarize(here.map((each) => each.rss)).median;
      return [{ contender, time, rss }];
    });
    rows.sort((a, b) => a.time.median - b.time.median);
    const cells = rows.map(({ contender, time, rss }) => [
      contender.ours ? `**${contender.title}**` : contender.title,
      ERA_TITLES[contender.era],
      figure(time.median),
      `±${percent(time.spread)}`,
      megabytes(rss),
    ]);
    return markdownTable(columns, cells);
  });
  const text = `From starting the process to the first right answer, handshake included. ${options.rounds} rounds.`;
  return { title: 'Start-up', body: `${text}\n\n${tables}` };
}

function key(contender: Contender, node: NodeBinary): string {
  return `${contender.id} ${node.version}`;
}

/** One program may be several contenders, but starts only once. */
function isFirstOfItsProgram(contender: Contender, index: number, all: readonly Contender[]): boolean {
  return all.findIndex(({ entry }) => entry === contender.entry) === index;
}

/** Starts a contender, makes a call, and stops it. */
export async function startOnce(contender: Contender, node: NodeBinary, processor?: number): Promise<Start> {
  const begun = performance.now();
  const server = await startServer(contender, { node: node.path, hasty: true, processor });
  try {
    const answer = await firstAnswer(server.port, contender, begun + START_MS);
    const milliseconds = performance.now() - begun;
    const problem = problemWith(answer, FIRST_ID + 1, SLUGIFY.expected);
    if (problem !== undefined) throw new Error(`${contender.id}: ${problem}`);
    const { rss, cpuMicroseconds } = await server.usage();
    return { milliseconds, rss, cpuMicroseconds };
  } finally {
    await server.stop();
  }
}

/** Some listen before they can answer, so the client tries again. */
async function firstAnswer(port: number, { era }: Contender, deadline: number): Promise<Answer> {
  for (;;) {
    try {
      const { client, connection } = await openClient(port, era);
      const answer = await connection.send(createCallRequest(client, SLUGIFY.call)(FIRST_ID + 1));
      connection.close();
      return answer;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
