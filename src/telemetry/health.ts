/** Health checks. They are frequent and reach the server by its IP address, so they are routed before the log and the Host check. */
import type { Handler } from 'hono';
import type { Lifecycle } from '../lib/lifecycle.ts';

/** `/livez`: 200 while the process is alive. */
export const alive: Handler = (c) => c.body('ok');

/** `/readyz`: 200 while the server takes new calls, and 503 once it is stopping. */
export function ready(lifecycle: Readonly<Lifecycle>): Handler {
  return (c) => (lifecycle.phase === 'serving' ? c.body('ok') : c.body('stopping', 503));
}
