/** The result of a run: a section of `bench/results.md`. */
import { figure, markdownTable } from './table.ts';
import type { BenchOptions } from './options.ts';
import type { NodeBinary } from './prepare.ts';
import type { Print } from './rounds.ts';

/** A section of the results. */
export interface Section {
  title: string;
  /** Markdown. */
  body: string;
  /** Its charts, by the name of their file in `bench/`. */
  charts?: Record<string, string>;
}

/** What a run needs. */
export interface RunContext {
  nodes: readonly NodeBinary[];
  options: BenchOptions;
  print: Print;
}

/** Makes a run. */
export type Run = (context: RunContext) => Promise<Section>;

/** A part for each Node.js, under its own heading. */
export function perNode(nodes: readonly NodeBinary[], part: (node: NodeBinary) => string): string {
  return nodes.map((node) => `### Node.js ${node.version}\n\n${part(node)}`).join('\n\n');
}

/** The newest Node.js: some runs are made on it alone. */
export function newest(nodes: readonly NodeBinary[]): NodeBinary {
  const [node] = nodes.toSorted((a, b) => b.major - a.major);
  if (!node) throw new Error('There is no Node.js to run servers with');
  return node;
}

/** Named values with their units. */
export function factsTable(facts: readonly { name: string; value: number; unit: string }[]): string {
  const columns = [{ title: 'measured' }, { title: 'value', isFigure: true }, { title: 'unit' }];
  return markdownTable(
    columns,
    facts.map(({ name, value, unit }) => [name, figure(value), unit]),
  );
}
