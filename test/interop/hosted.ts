/**
 * A client library in a process of its own, because it is written in another language or needs a newer Node.js.
 *
 * Both sides write lines of JSON. The process says `{"result":…}` when the library has connected. Then it answers each
 * `{"list":true}` and `{"call":NAME,"args":{…}}` with `{"progress":N}` as often as the library reports it, and with
 * `{"result":…}` or `{"error":"…"}` at the end.
 */
import { once } from 'node:events';
import type { Driver, Stage } from './client.ts';
import { startProgram } from './program.ts';

/** A line that the process writes. */
interface Line {
  progress?: number;
  result?: unknown;
  error?: string;
}

/**
 * Starts the process and waits until its library has connected.
 *
 * @param target - What to connect to: passed on as the last argument, in JSON.
 */
export async function startHosted(
  stage: Stage,
  { command, args, env }: { command: string; args: string[]; env?: Record<string, string> },
  target: object,
): Promise<Driver> {
  const program = startProgram(stage, command, [...args, JSON.stringify(target)], env, 'pipe');
  let read = 0;

  /** The next line; what else a library prints on stdout is skipped. */
  async function nextLine(): Promise<Line> {
    for (;;) {
      const rest = new RegExp(`^[^]{${read}}(.*)\\n`);
      const [whole, text = ''] = await program.stdout.match(rest).catch((error: unknown) => {
        throw new Error(program.stderr.text, { cause: error });
      });
      read = whole.length;
      if (text.startsWith('{"')) return JSON.parse(text) as Line;
    }
  }

  async function answer(onProgress: (progress: number) => void = () => {}): Promise<unknown> {
    for (;;) {
      const { progress, result, error } = await nextLine();
      if (error !== undefined) throw new Error(error);
      if (progress === undefined) return result;
      onProgress(progress);
    }
  }

  async function ask(question: object): Promise<void> {
    if (program.stdin?.write(`${JSON.stringify(question)}\n`) === false) await once(program.stdin, 'drain');
  }

  await answer();
  return {
    async listTools() {
      await ask({ list: true });
      return (await answer()) as string[];
    },
    async call(name, args_, onProgress) {
      await ask({ call: name, args: args_ });
      return answer(onProgress);
    },
  };
}
