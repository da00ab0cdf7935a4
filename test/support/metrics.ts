/** Metrics that a test reads. */
import { createPrometheusMetrics, type PrometheusMetrics } from '../../src/metrics/prometheus.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import type { EndedCall } from '../../src/signals/metrics.ts';

/** A sample of a scrape: its name with its labels, as the text format writes them, and its value. */
export type Samples = ReadonlyMap<string, number>;

/** Metrics that remember the calls that have ended. */
export interface TestMetrics extends PrometheusMetrics {
  readonly calls: EndedCall[];
  /** Scrapes. */
  read(): Promise<Samples>;
}

export function testMetrics(clock: Clock = systemClock): TestMetrics {
  const metrics = createPrometheusMetrics({ clock });
  const calls: EndedCall[] = [];
  return {
    ...metrics,
    calls,
    callEnded(call) {
      calls.push(call);
      metrics.callEnded(call);
    },
    read: async () => samplesIn(await metrics.text()),
  };
}

/** The samples in a scrape. */
export function samplesIn(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

/** The names of the metrics in a scrape: a histogram has one name. */
export function namesIn(text: string): string[] {
  return Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name);
}
