/** `/metrics`, an app of its own: metrics are for operators, so they are not on the port that clients reach. */
import { Hono } from 'hono';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { isLoopback } from '../security/loopback.ts';
import type { PrometheusMetrics } from './prometheus.ts';

/** Options for {@link createMetricsApp}. */
export interface MetricsAppOptions {
  metrics: Pick<PrometheusMetrics, 'contentType' | 'text'>;
  /** The address that it listens on. */
  host: string;
  lifecycle: Readonly<Lifecycle>;
  /** Receives the error of a scrape that has failed. */
  onerror: (error: Error) => void;
}

/** An app that listens. */
export interface MetricsApp {
  readonly lifecycle: Readonly<Lifecycle>;
  fetch(request: Request, env?: object): Response | Promise<Response>;
}

/** Makes the app. It answers GET and HEAD on `/metrics`, 405 to other methods, and 404 elsewhere. */
export function createMetricsApp({ metrics, host, lifecycle, onerror }: MetricsAppOptions): MetricsApp {
  const app = new Hono();
  app.use(async (c, next) => {
    // A page whose host name leads to this machine could read them (DNS rebinding).
    if (isLoopback(host) && !isLoopback(new URL(c.req.url).hostname)) return c.text('Host not allowed\n', 403);
    return next();
  });
  // Making the text takes the processor for milliseconds, so scrapes that arrive meanwhile share it.
  let current: Promise<string> | undefined;
  const sharedText = () => (current ??= metrics.text().finally(() => (current = undefined)));
  app.get('/metrics', async (c) => c.body(await sharedText(), 200, { 'content-type': metrics.contentType }));
  app.all('/metrics', (c) => c.text('Method not allowed: use GET\n', 405, { allow: 'GET, HEAD' }));
  app.notFound((c) => c.text('Not found: metrics are at /metrics\n', 404));
  app.onError((error, c) => {
    onerror(error);
    return c.text('Internal error\n', 500);
  });
  return { lifecycle, fetch: (request, env) => app.fetch(request, env) };
}
