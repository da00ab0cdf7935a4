/** Health checks. They come by address, and often: they are neither checked nor logged. */
import { createMiddleware } from 'hono/factory';
import type { Lifecycle } from '../lib/lifecycle.ts';

/** Answers GET and HEAD on `/livez` (200 while the process lives) and `/readyz` (503 once it is told to stop). */
export function health(lifecycle: Readonly<Lifecycle>) {
  return createMiddleware(async (c, next) => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return next();
    switch (c.req.path) {
      case '/livez':
        return c.body('ok');
      case '/readyz':
        return lifecycle.phase === 'serving' ? c.body('ok') : c.body('stopping', 503);
      default:
        return next();
    }
  });
}
