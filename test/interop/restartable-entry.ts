/** The HTTP entry as a process that can be stopped and started again on its port, as a deployment does. */
import type { TestContext } from 'node:test';
import { startHttpEntry, type HttpProcess } from '../support/process.ts';

export interface RestartableEntry {
  readonly url: string;
  /** Waits for `pattern` in the log of the process that runs now, which has a line for each request. */
  logged: (pattern: RegExp) => Promise<unknown>;
  /** Stops it with SIGTERM, waits until it has ended, and starts it again; resolves when it listens, to the milliseconds that took. */
  restart: () => Promise<number>;
}

/** Starts it on a free port, which it keeps; it ends with the scope. */
export async function startRestartableEntry(
  t: TestContext,
  settings: Record<string, string>,
): Promise<RestartableEntry> {
  const env = { LOG_LEVEL: 'debug', ...settings };
  let running: HttpProcess = await startHttpEntry(t, { env });
  const { url } = running;
  return {
    url,
    logged: (pattern) => running.stderrMatch(pattern),
    async restart() {
      const stoppedAt = performance.now();
      running.signal('SIGTERM');
      await running.exit();
      running = await startHttpEntry(t, { env: { ...env, PORT: new URL(url).port } });
      return performance.now() - stoppedAt;
    },
  };
}
