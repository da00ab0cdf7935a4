import type { ManualClock } from './clock.ts';

/** Short enough for a tick's work to be done before the next tick falls due. */
const STEP_MS = 5000;

/** Resolves when all that waits for nothing outside this process has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Advances time in steps, and lets everything that falls due finish. */
export async function pass(clock: ManualClock, milliseconds: number, stepMs = STEP_MS): Promise<void> {
  for (let left = milliseconds; left > 0; left -= stepMs) {
    clock.advance(Math.min(left, stepMs));
    await settled();
  }
}

/** Resolves once `condition` holds. The test's timeout is the limit. */
export async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 1));
}
