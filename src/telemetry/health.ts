/** Health checks. They are frequent and reach the server by its IP address, so they are routed before the log and the Host check. */
import type { Handler } from 'hono';
import type { Lifecycle } from '../lib/lifecycle.ts';

/** `/livez`: 200 while the process is alive. */
export const alive: Handler = (c) => c.body('ok');

/**
 * `/readyz`: 200 while the server takes new calls, and 503 once it is stopping. Without its engines it still takes those of
 * 2026-07-28, and says `degraded`: a load balancer that took out all nodes at once would make it worse.
 *
 * @param isAvailable - Whether the engines work.
 */
export function ready(lifecycle: Readonly<Lifecycle>, isAvailable: () => boolean): Handler {
  return (c) => {
    if (lifecycle.phase !== 'serving') return c.body('stopping', 503);
    return c.body(isAvailable() ? 'ok' : 'degraded');
  };
}
