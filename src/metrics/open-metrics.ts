/** Loads the metrics if a setting asks for them. Otherwise, prom-client is not loaded. */
import { ConfigError, type Config } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { PrometheusMetrics } from './prometheus.ts';

/**
 * The metrics of this process; `undefined` without `MCP_METRICS_PORT`.
 *
 * @throws {@link ConfigError} if the package that they need is not installed.
 */
export async function openMetrics(config: Config, clock: Clock): Promise<PrometheusMetrics | undefined> {
  if (config.metricsPort === undefined) return undefined;
  const { createPrometheusMetrics } = await import('./prometheus.ts').catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes("'prom-client'")) throw error;
    throw new ConfigError('MCP_METRICS_PORT needs the package prom-client: npm install prom-client', { cause: error });
  });
  return createPrometheusMetrics({ clock });
}
