/** What came of a run: in lines for a terminal, and as `docs/compatibility.md`. */
import { format, resolveConfig } from 'prettier';
import { FEATURES, titleOf, type Feature } from './client.ts';
import { RESTART_COLUMNS, restartMarks, restartSection, type Restarted } from './restart-report.ts';

/** What came of one client. */
export interface Outcome extends Restarted {
  /** The revision that it spoke; `undefined` when it did not get that far. */
  revision: string | undefined;
  saw: ReadonlySet<Feature>;
  /** Why it ended before everything was seen. */
  error?: Error;
}

const MARKS = { passed: '✓', failed: '✗', open: '–' };

/** A cell: expected and seen, expected and missed, or not expected. */
export function cell({ client, saw }: Outcome, feature: Feature): keyof typeof MARKS {
  if (!client.shows.includes(feature)) return 'open';
  return saw.has(feature) ? 'passed' : 'failed';
}

/** All cells of a client. After a restart, whatever a client does is seen; only a run that broke off has failed. */
export function cellsOf(outcome: Outcome): (keyof typeof MARKS)[] {
  const restarts = Object.values(outcome.restarts ?? {});
  return [
    ...FEATURES.map((feature) => cell(outcome, feature)),
    ...restarts.map((recovery) => (recovery instanceof Error ? 'failed' : 'passed')),
  ];
}

/** Everything that went wrong with a client. */
export function errorsOf({ error, restarts = {} }: Outcome): Error[] {
  return [error, ...Object.values(restarts)].filter((value) => value instanceof Error);
}

/** One client in a line. */
export function line(outcome: Outcome): string {
  const { version, transport } = outcome.client;
  const marks = [
    ...FEATURES.map((feature) => `${MARKS[cell(outcome, feature)]} ${feature}`),
    ...restartMarks(outcome).map((mark, index) => `${mark} ${RESTART_COLUMNS[index]}`),
  ];
  const columns = [
    titleOf(outcome.client).padEnd(40),
    version.padEnd(13),
    (outcome.revision ?? '–').padEnd(10),
    transport.padEnd(5),
  ];
  return [...columns, ...marks].join('  ');
}

/** Programs that were tried and are not in the table, and why. */
const MISSING = `Tried, and not in the table: **Crush** 0.96.1, whose npm package downloads its program from GitHub; **MCPJam SDK**
1.14.0, which does not load with the SDK that its dependencies allow; **mcpc** 0.2.6, which gives its own helper process five
seconds to start, too few on a busy machine. **mcp-use** is the last release of its version 1; version 2 has its client in
another package.`;

/** The page for the docs, formatted for the file at `path`. */
export async function compatibilityPage(
  outcomes: readonly Outcome[],
  { path, date }: { path: string; date: Date },
): Promise<string> {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const header = ['client', 'version', 'revision', 'transport', ...FEATURES, ...RESTART_COLUMNS];
  const rows = outcomes.map((outcome) => [
    titleOf(outcome.client),
    outcome.client.version,
    outcome.revision ?? MARKS.open,
    outcome.client.transport,
    ...FEATURES.map((feature) => MARKS[cell(outcome, feature)]),
    ...restartMarks(outcome),
  ]);
  const notes = new Map(outcomes.flatMap(({ client: { name, note } }) => (note === undefined ? [] : [[name, note]])));
  const page = `# Compatibility

Clients that others wrote, against \`src/http-server.ts\` and \`src/stdio-server.ts\` as they are. Written by
\`npm run interop\` on ${date.toISOString().slice(0, 10)}, with Node.js ${process.versions.node}; not by hand.

${row(header)}
${row(header.map((_, index) => (index < 4 ? '---' : ':-:')))}
${rows.map(row).join('\n')}

The revision is the one that the client was seen to speak. **connect**: it connects, and says so. **list**: it knows
both tools. **slugify**, **slugify-batch**: it calls them and has the right result. **progress**: it sees how far a
batch has come. ${MARKS.open}: the client does not show that. The last three columns are [about restarts](#when-the-server-restarts).

${[...notes].map(([name, note]) => `- **${name}** ${note}.`).join('\n')}

${MISSING}

${restartSection(outcomes)}`;
  return format(page, { ...(await resolveConfig(path)), parser: 'markdown' });
}
