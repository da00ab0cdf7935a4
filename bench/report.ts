/** Writes `bench/results.md`: what was measured, on what, with which versions. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { CONTENDERS } from './contenders.ts';
import type { RunName } from './options.ts';
import { packageVersion, type NodeBinary } from './prepare.ts';
import { PROJECT_ROOT } from './processes.ts';
import { commitOf, pageOf, sectionsOf, sectionText } from './results-page.ts';
import type { Section } from './section.ts';
import { markdownTable, figure } from './table.ts';

const FOLDER = join(PROJECT_ROOT, 'bench');
const PAGE = join(FOLDER, 'results.md');
/** What figures do not depend on, and what a run writes itself. */
const IRRELEVANT = ['*.md', 'bench/*.svg', 'test', 'docs'].map((path) => `:(exclude)${path}`);

/** Writes the section of a run and its charts, and keeps those of the other runs. */
export async function writeSection(name: RunName, section: Section, nodes: readonly NodeBinary[]): Promise<void> {
  const sections = sectionsOf(await readPage());
  const provenance = {
    date: new Date().toISOString().slice(0, 10),
    commit: await currentCommit(),
    nodes: nodes.map(({ version }) => version),
    ownNode: process.version,
    machine: machineName(),
  };
  sections.set(name, sectionText(section, provenance));
  const page = pageOf(await headText(), sections);
  await writeFile(PAGE, await format(page, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
  for (const [file, svg] of Object.entries(section.charts ?? {})) await writeFile(join(FOLDER, file), svg);
}

/** The runs whose sections are of what is checked out, or of a commit that differs in nothing that figures depend on. */
export async function currentRuns(): Promise<Set<RunName>> {
  const current = new Set<RunName>();
  for (const [name, text] of sectionsOf(await readPage())) if (await isCurrent(commitOf(text))) current.add(name);
  return current;
}

async function isCurrent(commit: string | undefined): Promise<boolean> {
  if (commit === undefined || commit.endsWith('+')) return false;
  try {
    await git('diff', '--quiet', commit, '--', '.', ...IRRELEVANT);
    return true;
  } catch {
    return false;
  }
}

async function readPage(): Promise<string> {
  return readFile(PAGE, 'utf8').catch(() => '');
}

async function git(...args: string[]): Promise<string> {
  return (await promisify(execFile)('git', args, { cwd: PROJECT_ROOT })).stdout.trim();
}

/** The commit that is checked out, with `+` if it was changed in what figures depend on. */
async function currentCommit(): Promise<string | undefined> {
  try {
    const commit = await git('rev-parse', '--short=9', 'HEAD');
    return (await git('status', '--porcelain', '--', '.', ...IRRELEVANT)) === '' ? commit : `${commit}+`;
  } catch {
    return undefined;
  }
}

function machineName(): string {
  const [cpu] = cpus();
  const memory = `${figure(totalmem() / 2 ** 30)} GiB of memory`;
  return [`${cpus().length} cores (${cpu?.model.trim()})`, memory, type()].join(', ');
}

async function headText(): Promise<string> {
  const names = [...new Set(CONTENDERS.flatMap((contender) => contender.package ?? []))].toSorted();
  const versions = await Promise.all(names.map(packageVersion));
  return [
    '# Results',
    '<!-- Written by `npm start --prefix bench`; do not edit. -->',
    'Each section says when it was measured, at which commit of this project (`+`: with changes), and on what; the load ' +
      'generator ran on the same machine. [README.md](README.md) says what is measured and how. Machines differ, and ' +
      'differ from hour to hour: compare figures of one section with each other, not with those of another run.',
    'The packages are of the versions that `bench/contenders/package.json` had at the commit of the section. Those of ' +
      'the section written last:',
    markdownTable(
      [{ title: 'package' }, { title: 'version' }],
      names.map((name, index) => [name, versions[index] ?? '']),
    ),
  ].join('\n\n');
}
