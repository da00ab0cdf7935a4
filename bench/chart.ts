/** Writes charts as SVG, which follow the reader's light or dark theme and can be compared as text. */
import { figure, whole } from './table.ts';

/** The bars of one label, one for each series. */
export interface Bar {
  label: string;
  /** One for each series. */
  values: readonly number[];
  isOurs?: boolean;
}

/** A bar chart. */
export interface BarChartData {
  title: string;
  /** The names of the series. The first is drawn strongest. */
  series: readonly string[];
  groups: readonly { title: string; bars: readonly Bar[] }[];
}

const WIDTH = 760;
const LABEL_WIDTH = 210;
const VALUE_WIDTH = 60;
const BAR_SPACE = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 9;
const GAP = 7;
const LINE = 24;

const STYLE = `<style>
text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.group{font-weight:600}
.muted{fill:#656d76}.end{text-anchor:end}.middle{text-anchor:middle}.ours{fill:#0969da;font-weight:600}.peer{fill:#8c959f}.grid{stroke:#d1d9e0}
.later{opacity:.45}path{fill:none;stroke-width:2}.c0{stroke:#0969da;fill:#0969da}.c1{stroke:#bc4c00;fill:#bc4c00}
.c2{stroke:#1a7f37;fill:#1a7f37}.c3{stroke:#8250df;fill:#8250df}.c4{stroke:#bf3989;fill:#bf3989}
.c5{stroke:#656d76;fill:#656d76}path[class]{fill:none}text[class]{stroke:none}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.muted{fill:#9198a1}.ours{fill:#4493f8}.peer{fill:#6e7681}
.grid{stroke:#3d444d}.c0{stroke:#4493f8;fill:#4493f8}.c1{stroke:#f0883e;fill:#f0883e}.c2{stroke:#3fb950;fill:#3fb950}
.c3{stroke:#ab7df8;fill:#ab7df8}.c4{stroke:#db61a2;fill:#db61a2}.c5{stroke:#9198a1;fill:#9198a1}}
</style>`;

/** Draws horizontal bars from zero, in groups, one for each series of each label. */
export function barChart({ title, series, groups }: BarChartData): string {
  const largest = Math.max(0, ...groups.flatMap(({ bars }) => bars.flatMap(({ values }) => values)));
  const parts: string[] = [text(0, 16, title, 'title'), text(0, 36, series.map(legend).join(' · '), 'muted')];
  let y = 62;
  for (const group of groups) {
    parts.push(text(0, y, group.title, 'group'));
    y += 10;
    for (const { label, values, isOurs } of group.bars) {
      const kind = isOurs ? 'ours' : 'peer';
      const height = values.length * BAR_HEIGHT;
      parts.push(text(LABEL_WIDTH - 8, y + height / 2 + 4, label, isOurs ? 'end ours' : 'end'));
      for (const [index, value] of values.entries()) {
        const width = largest === 0 ? 0 : Math.round((BAR_SPACE * value) / largest);
        const style = index === 0 ? kind : `${kind} later`;
        parts.push(rectangle(LABEL_WIDTH, y + index * BAR_HEIGHT, width, BAR_HEIGHT - 1, style));
        if (index === 0) parts.push(text(LABEL_WIDTH + width + 5, y + height / 2 + 4, figure(value), 'muted'));
      }
      y += height + GAP;
    }
    y += LINE;
  }
  return svg(title, y - LINE, parts);
}

function legend(name: string, index: number): string {
  return index === 0 ? `${name}: strong, with figures` : `${name}: pale`;
}

/** A line chart. */
export interface LineChartData {
  title: string;
  /** Along the bottom, on a logarithmic scale. */
  xTitle: string;
  lines: readonly { label: string; points: readonly { x: number; y: number }[] }[];
}

const PLOT = { left: 50, top: 40, width: 520, height: 260 } as const;

/** Draws lines over a logarithmic x axis and a y axis from zero, each labelled at its end. */
export function lineChart({ title, xTitle, lines }: LineChartData): string {
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(({ x }) => x);
  const [low, high] = [Math.min(...xs, 10), Math.max(...xs, 100)];
  const top = Math.max(...points.map(({ y }) => y), 1) * 1.1;
  const bottom = PLOT.top + PLOT.height;
  const atX = (x: number) => Math.round(PLOT.left + (PLOT.width * Math.log(x / low)) / Math.log(high / low));
  const atY = (y: number) => Math.round(bottom - (PLOT.height * y) / top);
  const parts = [text(0, 16, title, 'title'), text(PLOT.left + PLOT.width, bottom + 38, xTitle, 'muted end')];
  for (let x = 10 ** Math.ceil(Math.log10(low)); x <= high; x *= 10) {
    parts.push(text(atX(x), bottom + 18, whole(x), 'muted middle'));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const y = atY(share * top);
    parts.push(`<line class="grid" x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${y}" y2="${y}"/>`);
    parts.push(text(PLOT.left - 6, y + 4, whole(share * top), 'muted end'));
  }
  const labels = spaced(lines.map((line) => atY(line.points.at(-1)?.y ?? 0)));
  for (const [index, { label, points: own }] of lines.entries()) {
    const path = own.map(({ x, y }, place) => `${place === 0 ? 'M' : 'L'}${atX(x)} ${atY(y)}`).join('');
    parts.push(`<path class="c${index % 6}" d="${path}"/>`);
    parts.push(text(PLOT.left + PLOT.width + 8, (labels[index] ?? 0) + 4, label, `c${index % 6}`));
  }
  return svg(title, bottom + 46, parts);
}

/** Moves heights apart where labels would overlap. */
function spaced(heights: readonly number[]): number[] {
  const order = heights.map((height, index) => ({ height, index })).toSorted((a, b) => a.height - b.height);
  const result: number[] = [];
  let next = -Infinity;
  for (const { height, index } of order) {
    result[index] = Math.max(height, next);
    next = (result[index] ?? 0) + 15;
  }
  return result;
}

function svg(title: string, height: number, parts: readonly string[]): string {
  const size = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  const open = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(title)}">`;
  return `${[open, STYLE, ...parts, '</svg>'].join('\n')}\n`;
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x}" y="${y}" class="${style}">${escaped(content)}</text>`;
}

function rectangle(x: number, y: number, width: number, height: number, style: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="2" class="${style}"/>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
