/** Starts, watches and stops entries as processes. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import { watchText } from './watch.ts';

export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The variables that a process inherits. Its settings come only from the test. */
const INHERITED = ['HOME', 'TMPDIR', 'NODE_V8_COVERAGE', 'MCP_SHORTCUTS', 'MCP_MAX_LIVE_SESSIONS'];
/** After that, a silent process counts as broken. It limits a failure and measures nothing. */
const DEADLINE_MS = 60_000;

export interface StartOptions {
  env?: Record<string, string> | undefined;
  args?: string[] | undefined;
  /** Whether what it starts in the background ends with the test, too. @default false */
  ownGroup?: boolean;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that the test started. It does not outlive the test. */
export interface EntryProcess {
  readonly stdout: string;
  readonly stderr: string;
  /** Writes a line to its stdin. */
  writeLine(line: string): void;
  endStdin(): void;
  /** Stops to read its stderr: what it writes there fails. */
  closeStderr(): void;
  /** Waits for `pattern` on stderr, which may be there already. */
  stderrMatch(pattern: RegExp): Promise<RegExpExecArray>;
  stdoutMatch(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void;
  /** Stops to read its stderr. */
  pauseStderr(): void;
  /** Waits until it has ended, whether or not everything it wrote has been read. */
  ended(): Promise<Exit>;
  /** Waits until it has ended and everything it wrote has been read. */
  exit(): Promise<Exit>;
}

/** Starts an entry, such as `src/http-server.ts`, with the Node.js of this process. */
export function startEntry(t: TestContext, entry: string, { env, args = [] }: StartOptions = {}): EntryProcess {
  return startCommand(t, process.execPath, { env, args: ['--import', './loader.mjs', entry, ...args] });
}

/** Starts a command in the project's root. */
export function startCommand(t: TestContext, command: string, options: StartOptions = {}): EntryProcess {
  const { env, args, ownGroup = false } = options;
  const child = spawn(command, args, { cwd: PROJECT_ROOT, env: childEnv(env), detached: ownGroup });
  // Writing to a process that has ended fails; its exit tells more.
  child.stdin.on('error', () => {});
  const ended = once(child, 'exit').then(([code, signal]): Exit => ({ code, signal }));
  const closed = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
  t.after(async () => {
    if (ownGroup) killGroup(child);
    else child.kill('SIGKILL');
    child.stderr.resume();
    await closed.catch(() => {});
  });
  const stdout = watchText(child.stdout);
  const stderr = watchText(child.stderr);
  const within = <T>(what: string, promise: Promise<T>) =>
    withDeadline(promise, () => `${entryName(child)} gave no ${what}. Its stderr: ${stderr.text}`);
  return {
    get stdout() {
      return stdout.text;
    },
    get stderr() {
      return stderr.text;
    },
    writeLine: (line) => void child.stdin.write(`${line}\n`),
    endStdin: () => child.stdin.end(),
    closeStderr: () => void child.stderr.destroy(),
    stderrMatch: (pattern) => within(String(pattern), stderr.match(pattern)),
    stdoutMatch: (pattern) => within(String(pattern), stdout.match(pattern)),
    signal: (name) => void child.kill(name),
    pauseStderr: () => void child.stderr.pause(),
    ended: () => within('exit', ended),
    exit: () => within('exit', closed),
  };
}

export interface HttpProcess extends EntryProcess {
  /** The URL of its endpoint. */
  url: string;
}

/** Starts an HTTP entry on a free port and waits until it listens. */
export async function startHttpEntry(
  t: TestContext,
  { entry = 'src/http-server.ts', env, args }: StartOptions & { entry?: string } = {},
): Promise<HttpProcess> {
  const started = startEntry(t, entry, { env: { PORT: '0', ...env }, args });
  const [, url = ''] = await started.stderrMatch(/listening on (\S+)/);
  return Object.assign(started, { url });
}

/** The environment of a process: `env`, and nothing else that could change what it does. */
export function childEnv(env: Record<string, string> = {}): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  // The same Node.js, also for a script with a shebang.
  const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  // What comes from the compile cache is measured less exactly.
  const measured = process.env['NODE_V8_COVERAGE'] === undefined ? {} : { NODE_DISABLE_COMPILE_CACHE: '1' };
  // Node.js 22 warns that it strips types, which is not our output.
  return { ...Object.fromEntries(inherited), PATH: path, NODE_NO_WARNINGS: '1', ...measured, ...env };
}

function killGroup({ pid }: ChildProcessWithoutNullStreams): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

function entryName(child: ChildProcessWithoutNullStreams): string {
  return child.spawnargs.find((arg) => arg.endsWith('.ts')) ?? child.spawnfile;
}

function withDeadline<T>(promise: Promise<T>, message: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(message())), DEADLINE_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
