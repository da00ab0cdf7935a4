/** The processes of the bench, none of which outlives it. */
import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const PROJECT_ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What a server or a load generator inherits: nothing that could change what it does. */
const INHERITED = ['HOME', 'PATH', 'TMPDIR'];

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Starts a module in the project's folder, in production mode, with a channel to it. */
export function startModule(
  path: string,
  args: readonly string[],
  { env, ...options }: ForkOptions & { env?: Record<string, string> } = {},
): ChildProcess {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  const child = fork(path, args, {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
    execArgv: [],
    ...options,
    env: { ...Object.fromEntries(inherited), NODE_ENV: 'production', NODE_NO_WARNINGS: '1', ...env },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Ends a process and waits until it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** The next message from a process; rejects if the process ends first. */
export function nextMessage<T>(child: ChildProcess, isWanted: (message: T) => boolean = () => true): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = () => {
      child.off('message', take);
      child.off('exit', fail);
    };
    const take = (message: unknown) => {
      if (!isWanted(message as T)) return;
      done();
      resolve(message as T);
    };
    const fail = (code: number | null) => {
      done();
      reject(new Error(`It ended with ${code}`));
    };
    child.on('message', take);
    child.on('exit', fail);
  });
}
