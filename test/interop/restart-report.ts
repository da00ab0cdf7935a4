/** What came of the restarts: the columns of the matrix, and what the page says below it. */
import { titleOf, type InteropClient } from './client.ts';
import { STATES, type Recoveries, type Recovery } from './restart.ts';

/** The columns, behind those of the features. */
export const RESTART_COLUMNS = ['state kept', 'state lost', 'stream'] as const;

/** A client, and what it did when the server restarted. */
export interface Restarted {
  client: InteropClient;
  /** @default it was not tried */
  restarts?: Recoveries;
}

const MARKS: Record<Recovery['worked'], string> = {
  'at once': '✓',
  'at the second call': '2nd',
  'after connecting anew': '✗',
};
const STREAM_MARKS: Record<Recovery['stream'], string> = { none: '–', 'opened again': '✓', gone: '✗' };
/** Of what is longer, the message of the innermost error is taken, or the beginning. */
const MAX_SHOWN_CHARS = 200;

/** The marks of a client, in the order of {@link RESTART_COLUMNS}. `?`: its run broke off. */
export function restartMarks({ restarts = {} }: Restarted): string[] {
  const mark = (recovery: Recovery | Error | undefined, of: (recovery: Recovery) => string) => {
    if (recovery === undefined) return '–';
    return recovery instanceof Error ? '?' : of(recovery);
  };
  return [
    ...STATES.map((state) => mark(restarts[state], ({ worked }) => MARKS[worked])),
    mark(restarts.kept, ({ stream }) => STREAM_MARKS[stream]),
  ];
}

/** Markdown that says how the restarts were made, what the marks mean, and what clients show that do not go on. */
export function restartSection(outcomes: readonly Restarted[]): string {
  const recoveries = outcomes.flatMap(({ restarts = {} }) => Object.values(restarts));
  const downMs = recoveries.flatMap((recovery) => (recovery instanceof Error ? [] : [recovery.downMs]));
  const seconds = (Math.max(0, ...downMs) / 1000).toFixed(1);
  return `## When the server restarts

A client had connected and called \`slugify\` when the server was stopped with SIGTERM and started again on the same port,
which took it at most ${seconds} seconds here. Once it listened, \`slugify\` was called in the same client, and nobody had
done anything else to it. **state kept**: the server keeps its sessions in Redis (\`REDIS_URL\`). **state lost**: it keeps
them in memory, and answers 404 to the session that a client had.

- ${MARKS['at once']}: the call works.
- ${MARKS['at the second call']}: the call fails, and the next one works.
- ${MARKS['after connecting anew']}: both calls fail. A new connection works; below is what that takes.
- –: not tried. A client that speaks stdio starts the server itself, **MCP Inspector --cli** is done after a call, and **Page with fetch in Chromium** does what its author writes.

**stream**: whether a client that held a stream open had opened one again ten seconds after those calls, with state kept; –: it held none.
The clients of the TypeScript SDK try twice within three seconds by default: where the server takes longer to come back, their stream is lost, though not their session.

Clients of 2026-07-28 have no session that could be lost. For those of the 2025 revisions, keep sessions in a file with
[\`MCP_DATA_DIR\`](production.md#sessions-in-a-file) or in Redis with [\`REDIS_URL\`](redis.md): then a restart answers none of
them with 404.

${outcomes.flatMap(failureNotes).join('\n')}
`;
}

function failureNotes({ client, restarts = {} }: Restarted): string[] {
  return STATES.flatMap((state) => {
    const recovery = restarts[state];
    if (!recovery || recovery instanceof Error || recovery.shown === undefined) return [];
    const shown = inLine(recovery.shown);
    const remedy =
      recovery.worked === 'at the second call' ? 'the next call' : (client.reconnecting ?? 'it is connected anew');
    return [`- **${titleOf(client)}**, state ${state}: it shows \`${shown}\` until ${remedy}.`];
  });
}

/** What a client shows, for a code span in one line. Agents pass errors on as JSON in JSON. */
function inLine(shown: string): string {
  const line = shown.replaceAll('`', "'").replaceAll(/\s+/g, ' ').trim();
  if (line.length <= MAX_SHOWN_CHARS) return line;
  const message = [...line.replaceAll('\\', '').matchAll(/"message":"([^"]+)"/g)].at(-1)?.[1];
  return message ?? `${line.slice(0, MAX_SHOWN_CHARS)}…`;
}
