/** What a session takes: as a record in this project, and alive in everyone who has sessions. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SLUGIFY } from '../calls.ts';
import { openClient } from '../connection.ts';
import { pickContenders, type Contender } from '../contenders.ts';
import type { NodeBinary } from '../prepare.ts';
import { PROJECT_ROOT } from '../processes.ts';
import { createCallRequest, FIRST_ID } from '../requests.ts';
import { perNode, type RunContext, type Section } from '../section.ts';
import { startServer } from '../server.ts';
import { figure, markdownTable, whole } from '../table.ts';

const IDLE_SESSIONS = 100_000;
const QUICK_IDLE_SESSIONS = 5000;
/** Fewer than this project keeps alive at once. */
const LIVE_SESSIONS = 800;
/** Opened before the first measurement of memory, so that code is compiled by then. */
const FIRST_SESSIONS = 100;
const SETTLE_MS = 500;
/** Sessions opened at a time. */
const AT_ONCE = 50;

/** The run `memory`. */
export async function memory({ nodes, options, print }: RunContext): Promise<Section> {
  const contenders = pickContenders(options.only).filter(({ era }) => era === 'session');
  const idleSessions = options.quick ? QUICK_IDLE_SESSIONS : IDLE_SESSIONS;
  const parts = new Map<NodeBinary, string>();
  for (const node of nodes) {
    const idle = await idleBytes(node, idleSessions);
    print(`memory on Node ${node.major}: ${figure(idle)} bytes for an idle session`);
    const rows: { contender: Contender; heap: number; rss: number }[] = [];
    for (const contender of contenders) {
      const live = await liveBytes(contender, node).catch((error: unknown) => print(String(error)));
      if (!live) continue;
      rows.push({ contender, ...live });
      print(`memory on Node ${node.major}: ${contender.id} ${figure(live.heap)} bytes for a live session`);
    }
    rows.sort((a, b) => a.heap - b.heap);
    const columns = [
      { title: 'session' },
      { title: 'heap, bytes each', isFigure: true },
      { title: 'RSS, bytes each', isFigure: true },
    ];
    const cells = rows.map(({ contender, heap, rss }) => [
      contender.ours ? `**${contender.title}**, in use` : contender.title,
      figure(heap),
      figure(rss),
    ]);
    parts.set(node, markdownTable(columns, [['**this project**, idle', figure(idle), '–'], ...cells]));
  }
  const text =
    `Heap after a garbage collection, divided by the number of sessions: ${LIVE_SESSIONS} of them, each after one ` +
    `call. This project can drop the server of an idle session, which leaves its record ` +
    `(${whole(idleSessions)} of them, \`bench/idle-sessions.ts\`); the others keep what is shown until the client ` +
    'ends the session, unless they are told otherwise.';
  return { title: 'Memory of sessions', body: `${text}\n\n${perNode(nodes, (node) => parts.get(node) ?? '')}` };
}

async function idleBytes(node: NodeBinary, sessions: number): Promise<number> {
  const args = ['--expose-gc', '--import', './loader.mjs', 'bench/idle-sessions.ts', String(sessions)];
  const { stdout } = await promisify(execFile)(node.path, args, { cwd: PROJECT_ROOT });
  return Number(/([\d.]+) bytes each/.exec(stdout)?.[1]);
}

async function liveBytes(contender: Contender, node: NodeBinary): Promise<{ heap: number; rss: number }> {
  const server = await startServer(contender, { node: node.path, gc: true });
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    await server.usage(true);
    return server.usage(true);
  };
  try {
    await openSessions(server.port, FIRST_SESSIONS);
    const before = await settled();
    await openSessions(server.port, LIVE_SESSIONS);
    const after = await settled();
    return {
      heap: (after.heapUsed - before.heapUsed) / LIVE_SESSIONS,
      rss: (after.rss - before.rss) / LIVE_SESSIONS,
    };
  } finally {
    await server.stop();
  }
}

async function openSessions(port: number, count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const { client, connection } = await openClient(port, 'session');
      const { status } = await connection.send(createCallRequest(client, SLUGIFY.call)(FIRST_ID + 1));
      connection.close();
      if (status !== 200) throw new Error(`A call got ${status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
