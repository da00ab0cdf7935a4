/** `bench/results.md`: what was measured, on what, with which versions. */
import { writeFile } from 'node:fs/promises';
import { cpus, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { CONTENDERS } from './contenders.ts';
import { packageVersion, type NodeBinary } from './prepare.ts';
import { PROJECT_ROOT } from './processes.ts';
import type { Section } from './section.ts';
import { markdownTable, figure } from './table.ts';

/** Writes the results and their charts. */
export async function writeReport(sections: readonly Section[], nodes: readonly NodeBinary[]): Promise<void> {
  const folder = join(PROJECT_ROOT, 'bench');
  const path = join(folder, 'results.md');
  const page = await resultsPage(sections, nodes);
  await writeFile(path, await format(page, { ...(await resolveConfig(path)), filepath: path }));
  for (const [name, svg] of sections.flatMap(({ charts = {} }) => Object.entries(charts))) {
    await writeFile(join(folder, name), svg);
  }
}

async function resultsPage(sections: readonly Section[], nodes: readonly NodeBinary[]): Promise<string> {
  const [cpu] = cpus();
  const machine = [
    `${cpus().length} cores (${cpu?.model.trim()})`,
    `${figure(totalmem() / 2 ** 30)} GiB of memory`,
    type(),
  ].join(', ');
  const intro = [
    '# Results',
    '<!-- Written by `npm start --prefix bench`; do not edit. -->',
    `One run of \`npm start --prefix bench\` on ${new Date().toISOString().slice(0, 10)}, on ${machine}, with ` +
      `Node.js ${nodes.map(({ version }) => version).join(' and ')}. The load generator ran on the same machine, ` +
      `on Node.js ${process.version}. [README.md](README.md) says what is measured and how. Machines differ, and ` +
      'differ from hour to hour: compare figures of one run with each other, not with those of another.',
    await versionsTable(),
  ];
  const parts = sections.flatMap(({ title, body, charts = {} }) => [
    `## ${title}`,
    ...Object.keys(charts).map((name) => `![${title}](${name})`),
    body,
  ]);
  return `${[...intro, ...parts].join('\n\n')}\n`;
}

async function versionsTable(): Promise<string> {
  const names = [...new Set(CONTENDERS.flatMap((contender) => contender.package ?? []))].toSorted();
  const versions = await Promise.all(names.map(packageVersion));
  return markdownTable(
    [{ title: 'package' }, { title: 'version' }],
    names.map((name, index) => [name, versions[index] ?? '']),
  );
}
