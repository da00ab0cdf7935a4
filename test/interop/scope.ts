/** Takes the place of a test's context outside of tests: ends what was started in it. */
import type { TestContext } from 'node:test';

export interface Scope {
  /** Stands in for the context of a test, of which the helpers of `test/support` want only `after`. */
  t: TestContext;
  /** Ends everything, what was started last first. Never throws. */
  close: () => Promise<void>;
}

const open = new Set<Scope>();

/** Opens a scope, which the caller closes. */
export function createScope(): Scope {
  const stops: (() => unknown)[] = [];
  const scope: Scope = {
    t: { after: (stop: () => unknown) => void stops.push(stop) } as TestContext,
    async close() {
      for (let stop = stops.pop(); stop; stop = stops.pop()) {
        try {
          await stop();
        } catch {
          // It is gone already, which is what was wanted.
        }
      }
      open.delete(scope);
    },
  };
  open.add(scope);
  return scope;
}

/** Ends everything there is, for a run that is interrupted. */
export async function closeAllScopes(): Promise<void> {
  await Promise.all([...open].map(({ close }) => close()));
}
