/**
 * `bench/results.md` as text: a head, and a section for each run behind a comment with its name.
 *
 * A run replaces its own section and keeps the others, so each says by itself when and on what it was measured.
 */
import { RUNS, type RunName } from './options.ts';
import type { Section } from './section.ts';

const MARK = /^<!-- run: (\w+) -->$/m;
/** How `provenance` names a commit. */
const COMMIT = /^Measured on [\d-]+, (?:at commit `([^`]+)`)?/m;

/** On what a section was measured. */
export interface Provenance {
  /** Such as 2026-11-30. */
  date: string;
  /** Short hash, with `+` if files that matter were changed since; `undefined` outside of a repository. */
  commit: string | undefined;
  /** Versions of Node.js that ran the servers. */
  nodes: readonly string[];
  /** Of the load generator. */
  ownNode: string;
  machine: string;
}

/** The sections of a page, by the run that they are of. */
export function sectionsOf(page: string): Map<RunName, string> {
  const [, ...parts] = page.split(MARK);
  const sections = new Map<RunName, string>();
  for (let index = 0; index < parts.length; index += 2) {
    const name = RUNS.find((run) => run === parts[index]);
    if (name) sections.set(name, (parts[index + 1] ?? '').trim());
  }
  return sections;
}

/** The commit that a section was measured at, if it says so. */
export function commitOf(section: string): string | undefined {
  return COMMIT.exec(section)?.[1];
}

/** The text of a section. */
export function sectionText({ title, body, charts = {} }: Section, provenance: Provenance): string {
  const { date, commit, nodes, ownNode, machine } = provenance;
  const at = commit === undefined ? '' : `at commit \`${commit}\`, `;
  const on = `with Node.js ${nodes.join(' and ')} (load generator: ${ownNode}), on ${machine}.`;
  const images = Object.keys(charts).map((name) => `![${title}](${name})`);
  return [`## ${title}`, `Measured on ${date}, ${at}${on}`, ...images, body].join('\n\n');
}

/** A page of these sections, in the order of the runs. */
export function pageOf(head: string, sections: ReadonlyMap<RunName, string>): string {
  const parts = RUNS.flatMap((name) => {
    const section = sections.get(name);
    return section === undefined ? [] : [`<!-- run: ${name} -->`, section];
  });
  return `${[head, ...parts].join('\n\n')}\n`;
}
