/**
 * Draws `deploy/grafana.json` with the data of a Prometheus: each panel's own PromQL, asked for the last minutes.
 *
 *     node --import ./loader.mjs dev/dashboard/main.ts http://127.0.0.1:9090 300 page.html
 *     chromium --headless --no-sandbox --screenshot=page.png --window-size=1400,1720 page.html
 *
 * What it shows are the queries and the data. It is not Grafana.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dashboardPage, type Line, type Panel } from './chart.ts';

/** As much of a dashboard as this reads. */
interface Dashboard {
  title: string;
  panels: {
    title: string;
    type: Panel['kind'];
    gridPos: Panel['place'];
    targets: { expr: string; legendFormat: string }[];
    fieldConfig: { defaults: { unit: string; mappings?: { options: Record<string, { text: string }> }[] } };
  }[];
}

/** What Prometheus answers to a range query. */
interface Answer {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; values: [seconds: number, value: string][] }[] };
}

/** What Grafana would put into `$__rate_interval` for a scrape every two seconds. */
const RATE_INTERVAL = '15s';
const STEP_SECONDS = 2;

const [prometheus = '', seconds = '', output = ''] = process.argv.slice(2);
if (output === '') throw new Error('Usage: main.ts PROMETHEUS_URL SECONDS OUTPUT.html');
const { title, panels } = JSON.parse(await readFile('deploy/grafana.json', 'utf8')) as Dashboard;
const end = Math.floor(Date.now() / 1000);
const drawn = await Promise.all(
  panels.map(async ({ title: name, type, gridPos, targets, fieldConfig: { defaults } }): Promise<Panel> => {
    const lines = await Promise.all(targets.map(({ expr, legendFormat }) => linesOf(expr, legendFormat)));
    const words = Object.entries(defaults.mappings?.[0]?.options ?? {}).map(([value, { text }]) => [value, text]);
    const { unit } = defaults;
    return { title: name, kind: type, unit, place: gridPos, lines: lines.flat(), words: Object.fromEntries(words) };
  }),
);
const subtitle = `deploy/grafana.json, its queries answered by Prometheus over ${seconds} s, drawn by dev/dashboard/ (not Grafana)`;
await writeFile(output, dashboardPage(title, subtitle, drawn));

async function linesOf(expr: string, legend: string): Promise<Line[]> {
  const query = expr.replaceAll('$__rate_interval', RATE_INTERVAL).replaceAll('$instance', '.*');
  const range = { query, start: String(end - Number(seconds)), end: String(end), step: String(STEP_SECONDS) };
  const response = await fetch(`${prometheus}/api/v1/query_range?${String(new URLSearchParams(range))}`);
  const { status, error, data } = (await response.json()) as Answer;
  if (status !== 'success') throw new Error(`${query}: ${error}`);
  return data.result.map(({ metric, values }) => ({
    name: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '').trim(),
    points: values.map(([at, value]) => [at, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
  }));
}
