/** Gives the server a processor to itself, where there are two. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Print } from './rounds.ts';

/** Has this process and those that it starts use all processors but one, which the server gets; `undefined` if it cannot. */
export function leaveProcessor(print: Print): number | undefined {
  const count = availableParallelism();
  if (count < 2) return undefined;
  try {
    execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', `1-${count - 1}`, String(process.pid)]);
    return 0;
  } catch (error) {
    print(`The server has no processor to itself (${String(error)})`);
    return undefined;
  }
}
