/** Tables and figures as text: Markdown that also reads well in a terminal. */

/** A column: its title, and whether its cells are figures, which are aligned right. */
export interface Column {
  title: string;
  isFigure?: boolean;
}

/** A Markdown table with columns of even width. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(3, title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]) => {
    const padded = columns.map(({ isFigure }, index) => {
      const cell = cells[index] ?? '';
      return isFigure ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = columns.map(({ isFigure }, index) => {
    const width = widths[index] ?? 0;
    return isFigure ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width);
  });
  return [line(columns.map(({ title }) => title)), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** A number with at least three significant digits, and commas between thousands: 0.0123, 4.56, 78.9, 1,234. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size === 0 || size >= 100 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A whole number with commas between thousands. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A share as a percentage without sign: `3 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Bytes as megabytes (10⁶). */
export function megabytes(bytes: number): string {
  return figure(bytes / 1e6);
}
