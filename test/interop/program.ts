/** Runs other people's programs: in their own home, with a Node.js that is new enough, and never beyond their run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { childEnv } from '../support/process.ts';
import { watchText, type WatchedText } from '../support/watch.ts';
import type { Stage } from './client.ts';
import { bin } from './packages.ts';

export interface Program {
  stdout: WatchedText;
  stderr: WatchedText;
  /** Its stdin, if that is a pipe. */
  stdin: Writable | null;
  /** Resolves when it has ended. */
  ended: Promise<{ code: number | null }>;
}

/**
 * Starts a program in the folder of `stage`, which is its home, too.
 *
 * @param stdin - `pipe` for a program that is spoken to; others would wait for what comes through a pipe. By default `ignore`.
 */
export function startProgram(
  { t, folder }: Stage,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Program {
  const PATH = `${dirname(bin('node 24', 'node'))}${delimiter}${childEnv()['PATH']}`;
  // A group of its own, because several of them start themselves a second time.
  const options = {
    cwd: folder,
    detached: true,
    env: childEnv({ HOME: folder, TMPDIR: folder, PATH, NO_COLOR: '1', ...env }),
  };
  const child =
    stdin === 'pipe'
      ? spawn(command, args, { ...options, stdio: 'pipe' })
      : spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null }));
  t.after(async () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
    await ended.catch(() => {});
  });
  // Writing to a program that has ended fails; its end tells more.
  child.stdin?.on('error', () => {});
  return { stdout: watchText(child.stdout), stderr: watchText(child.stderr), stdin: child.stdin, ended };
}

/** Runs a program to its end; throws when that is not a good one. */
export async function runProgram(
  ...[stage, command, args, env]: Parameters<typeof startProgram>
): Promise<{ stdout: string; stderr: string }> {
  const { stdout, stderr, ended } = startProgram(stage, command, args, env);
  const { code } = await ended;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr.text}${stdout.text}`);
  return { stdout: stdout.text, stderr: stderr.text };
}
