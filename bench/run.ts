/** Entry: `npm run bench`. Prepares, makes the runs, shows and writes what came of them. `--help` has the options. */
import { parseOptions, USAGE } from './options.ts';
import { build, findNode, installContenders } from './prepare.ts';
import { outcomeTable, standings } from './outcome-table.ts';
import { compare } from './runs/compare.ts';

const print = (line: string) => void process.stdout.write(`${line}\n`);

if (process.argv.includes('--help')) {
  print(USAGE);
  process.exit(0);
}
const options = parseOptions(process.argv.slice(2));
await Promise.all([build(), installContenders()]);
const nodes = await Promise.all(options.nodes.map(findNode));
const outcomes = await compare(nodes, options, print);
for (const node of nodes) {
  const here = outcomes.filter((outcome) => outcome.node === node);
  print(`\nNode.js ${node.version}\n\n${outcomeTable(here)}\n\n${standings(here)}`);
}
