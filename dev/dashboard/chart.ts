/** Draws the panels of a Grafana dashboard as a web page: time series as lines, single figures as text. Not Grafana, and not like it in detail. */

/** A line: what it is called, and its points as seconds since 1970 and values. */
export interface Line {
  name: string;
  points: readonly (readonly [seconds: number, value: number])[];
}

/** A panel with its data. */
export interface Panel {
  title: string;
  kind: 'stat' | 'timeseries';
  unit: string;
  place: { x: number; y: number; w: number; h: number };
  lines: readonly Line[];
  /** What a figure stands for, by its value. */
  words: Readonly<Record<string, string>>;
}

const COLUMN_PX = 58;
const ROW_PX = 32;
const GAP_PX = 8;
const COLORS = [
  '#73bf69',
  '#f2cc0c',
  '#5794f2',
  '#ff9830',
  '#f2495c',
  '#b877d9',
  '#37872d',
  '#8ab8ff',
  '#fade2a',
  '#ca95e5',
];

/** The page. */
export function dashboardPage(title: string, subtitle: string, panels: readonly Panel[]): string {
  const bottom = Math.max(...panels.map(({ place }) => place.y + place.h)) * ROW_PX + 64;
  const style = `body{margin:0;background:#111217;color:#ccccdc;font:12px system-ui,sans-serif}
    svg text{font:11px system-ui,sans-serif;fill:#ccccdc} .dim{fill:#8e8e9c!important} h1{font-size:18px;margin:0}`;
  const header = `<div style="padding:10px 12px"><h1>${escaped(title)}</h1><span style="color:#8e8e9c">${escaped(subtitle)}</span></div>`;
  const svg = `<svg width="${24 * COLUMN_PX}" height="${bottom - 56}">${panels.map(panelSvg).join('')}</svg>`;
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>${header}${svg}`;
}

function panelSvg(panel: Panel): string {
  const { place, title } = panel;
  const width = place.w * COLUMN_PX - GAP_PX;
  const height = place.h * ROW_PX - GAP_PX;
  const inside = panel.kind === 'stat' ? statSvg(panel, width, height) : linesSvg(panel, width, height);
  return `<g transform="translate(${place.x * COLUMN_PX + GAP_PX / 2},${place.y * ROW_PX})">
    <rect width="${width}" height="${height}" rx="3" fill="#181b1f" stroke="#2c2f36"/>
    <text x="8" y="17" style="font-weight:600">${escaped(title)}</text>${inside}</g>`;
}

function statSvg({ lines, unit, words }: Panel, width: number, height: number): string {
  const value = lines[0]?.points.at(-1)?.[1];
  const text = value === undefined ? 'No data' : (words[String(value)] ?? formatted(value, unit));
  return `<text x="${width / 2}" y="${height / 2 + 22}" text-anchor="middle" style="font-size:30px;fill:${COLORS[0]}">${escaped(text)}</text>`;
}

function linesSvg({ lines, unit }: Panel, width: number, height: number): string {
  const drawn = lines.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) {
    return `<text class="dim" x="${width / 2}" y="${height / 2}" text-anchor="middle">No data</text>`;
  }
  const inRow = width < 500 ? 2 : 4;
  const [left, right, top, legend] = [64, width - 10, 28, 16 * Math.ceil(drawn.length / inRow)];
  const bottom = height - 24 - legend;
  const all = drawn.flatMap(({ points }) => points);
  const first = Math.min(...all.map(([seconds]) => seconds));
  const last = Math.max(...all.map(([seconds]) => seconds), first + 1);
  const highest = niceCeiling(Math.max(...all.map(([, value]) => value)));
  const x = (seconds: number) => (left + ((seconds - first) / (last - first)) * (right - left)).toFixed(1);
  const y = (value: number) => (bottom - (value / highest) * (bottom - top)).toFixed(1);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * highest);
    return `<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" stroke="#2c2f36"/>
      <text class="dim" x="${left - 6}" y="${Number(at) + 4}" text-anchor="end">${formatted(share * highest, unit)}</text>`;
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const seconds = first + share * (last - first);
    const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
    return `<text class="dim" x="${x(seconds)}" y="${bottom + 14}" text-anchor="${share === 1 ? 'end' : 'middle'}">${clock}</text>`;
  });
  const paths = drawn.map(({ points, name }, index) => {
    const color = COLORS[index % COLORS.length];
    const path = points.map(([seconds, value]) => `${x(seconds)},${y(value)}`).join(' ');
    const at = `translate(${12 + (index % inRow) * ((width - 20) / inRow)},${bottom + 30 + 16 * Math.floor(index / inRow)})`;
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.3"/>
      <g transform="${at}"><line x2="12" y1="-4" y2="-4" stroke="${color}" stroke-width="3"/><text x="17">${escaped(name)}</text></g>`;
  });
  return [...grid, ...times, ...paths].join('');
}

/** The next of 1, 2 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function formatted(value: number, unit: string): string {
  switch (unit) {
    case 's':
      return value < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
    case 'bytes':
      return value < 1024 * 1024 ? `${short(value / 1024)} KiB` : `${short(value / 1024 / 1024)} MiB`;
    case 'percentunit':
      return `${short(value * 100)}%`;
    case 'reqps':
    case 'ops':
      return `${short(value)}/s`;
    default:
      return short(value);
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
