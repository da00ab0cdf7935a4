/** A shell that commands of the docs are pasted into. */
import type { TestContext } from 'node:test';
import { startCommand } from './process.ts';

/** Options for {@link startTerminal}. */
export interface TerminalOptions {
  /** Changes a block before it is pasted, such as the ports in it. */
  replace: (block: string) => string;
  /** @default no variables but those that every process of a test gets */
  env?: Record<string, string>;
}

/** A shell that keeps its variables and its background jobs from one block of the docs to the next. */
export interface Terminal {
  /** Runs a block; resolves with what was printed until its last command had ended. Rejects if a command fails. */
  paste(block: string): Promise<string>;
  /** Waits until `pattern` was printed. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts one. What still runs in it when the test ends is killed. */
export function startTerminal(t: TestContext, { replace, env }: TerminalOptions): Terminal {
  const shell = startCommand(t, 'sh', { args: ['-eu'], env, ownGroup: true });
  let pasted = 0;
  return {
    async paste(block) {
      pasted += 1;
      const end = `[end of block ${pasted}]`;
      const from = shell.stdout.length;
      shell.writeLine(`${replace(block)}\necho "${end}"`);
      await shell.stdoutMatch(new RegExp(`\\[end of block ${pasted}\\]\n`));
      const printed = shell.stdout.slice(from);
      return printed.slice(0, printed.indexOf(end));
    },
    shows: (pattern) => shell.stdoutMatch(pattern),
  };
}
