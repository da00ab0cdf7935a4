/** A node of a cluster: a process that can be killed, stopped, paused and started again on its port. */
import type { TestContext } from 'node:test';
import { freePort } from '../support/ports.ts';
import { startHttpEntry, type HttpProcess } from '../support/process.ts';
import type { Command, Report } from './commands.ts';

/** A node. It does not outlive the test. */
export interface ClusterNode {
  readonly name: string;
  readonly port: number;
  /** The URL of its endpoint. */
  readonly url: string;
  /** What its processes have written to stderr, the last one last. */
  readonly log: string;
  /** What its processes have reported, in the order of the reports. */
  readonly reports: readonly Report[];
  /** Tells it to do something. */
  tell(command: Command): void;
  /** Waits for a report of the running process, which may be there already. */
  told(report: Report): Promise<void>;
  /** Starts it again after it has ended, and waits until it listens. */
  start(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it has stopped. Resolves to its exit code. */
  stop(): Promise<number | null>;
  /** SIGSTOP. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/** Starts a node on a free port. */
export async function startNode(
  t: TestContext,
  name: string,
  settings: Record<string, string>,
  entry = 'test/cluster/node-server.ts',
): Promise<ClusterNode> {
  const port = await freePort();
  const env = { ...settings, PORT: String(port), NODE_NAME: name };
  const ended: HttpProcess[] = [];
  const begin = () => startHttpEntry(t, { entry, env });
  let running = await begin();
  const end = async (signal: NodeJS.Signals) => {
    running.signal(signal);
    return (await running.exit()).code;
  };
  return {
    name,
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    get log() {
      return [...ended, running].map(({ stderr }) => stderr).join('');
    },
    get reports() {
      return [...ended, running].flatMap(({ stdout }) => reportsIn(stdout));
    },
    tell: (command) => running.writeLine(JSON.stringify(command)),
    async told(report) {
      await running.stdoutMatch(new RegExp(`^${escaped(JSON.stringify(report))}$`, 'm'));
    },
    async start() {
      ended.push(running);
      running = await begin();
    },
    async kill() {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
  };
}

/** Whole lines only: a process that was killed may have left half of one. */
function reportsIn(stdout: string): Report[] {
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Report);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
