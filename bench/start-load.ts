/** The load generator: a process that produces load on request. */
import { join } from 'node:path';
import type { LoadPlan, LoadReport, LoadResult } from './load-plan.ts';
import { nextMessage, PROJECT_ROOT, startModule, stopProcess } from './processes.ts';

/** A load generator that is connected. */
export interface Load {
  /** Loads for that long and resolves to the result. */
  run(seconds: number): Promise<LoadResult>;
  stop(): Promise<void>;
}

/**
 * Starts a load generator and waits until its clients are connected and initialized.
 *
 * @throws If they cannot connect.
 */
export async function startLoad(plan: LoadPlan): Promise<Load> {
  const child = startModule(join(PROJECT_ROOT, 'bench', 'load.ts'), [], {
    execArgv: ['--import', './loader.mjs'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const reported = nextMessage<LoadReport>(child);
    child.send(plan);
    const first = await reported;
    if (!('ready' in first)) throw new Error('failed' in first ? first.failed : 'It did not get ready');
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
  return {
    async run(seconds) {
      const reported = nextMessage<LoadReport>(child);
      child.send({ seconds });
      const report = await reported;
      if (!('result' in report)) throw new Error('The load generator failed');
      return report.result;
    },
    stop: () => stopProcess(child),
  };
}
