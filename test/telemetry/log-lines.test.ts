import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** A call that logs: its level, and its message as a literal or a name. */
const CALL = /\blog(?:\.(debug|info|warn|error)|\[(level)\])\(\s*('[^']*'|`[^`]*`|[\w.]+)/g;
/** The messages of those that have names, each as far as it stands in the file. */
const NAMED: Record<string, readonly string[]> = {
  'endpoint/eras.ts: message': ['requestState was refused'],
  'node/engines.ts: NO_STATE_KEY': ['REDIS_URL is set but MCP_STATE_KEY is not'],
  'security/host-origin.ts: refusal.message': ['Host not allowed', 'Origin not allowed'],
  'security/rate-limit.ts: ${what}; behind a proxy, MCP_TRUST_PROXY tells whose address counts': [
    'too many refused tokens from one address',
    'more requests from one ${who} than MCP_RATE_LIMIT allows',
  ],
  'sessions/session-end.ts: what': [
    'other nodes could not be told that a session has ended',
    'the events of a session could not be removed',
    'the state of a session could not be removed',
    'onSessionEnd failed',
  ],
  'telemetry/request-log.ts: REQUEST_MESSAGE': ['request'],
  'telemetry/loss-log.ts: message': [
    'more idle servers than MCP_MAX_LIVE_SESSIONS',
    'memory is short',
    'a server was dropped that had told its client of a changed list',
    'told to nobody, since this server lives for one request',
  ],
};

/** A message with each part that varies as `<>`. */
const withGaps = (message: string) => message.replaceAll(/\$\{[^}]*\}|<[^>]*>/g, '<>');

/** Every message that the server can log, with its level. */
async function messagesInSource(): Promise<{ level: string; message: string; file: string }[]> {
  const folder = join(root, 'src');
  const entries = await readdir(folder, { recursive: true });
  const files = entries.filter((name) => name.endsWith('.ts') && name.includes('/'));
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      return Array.from(text.matchAll(CALL), ([, level = '', , written = '']) => {
        const literal = /^['`]/.test(written) ? written.slice(1, -1) : undefined;
        const name = `${file}: ${literal ?? written}`;
        const messages = NAMED[name] ?? (literal === undefined ? [] : [literal]);
        assert.ok(messages.length > 0, `the messages of ${name} are not listed in this test`);
        return messages.map((message) => ({ level, message: withGaps(message), file }));
      });
    }),
  );
  return found.flat(2);
}

/** The rows of the table: their levels, and their messages, which end with … if there is more. */
async function rowsInDocs(): Promise<{ levels: string[]; messages: string[] }[]> {
  const text = await readFile(join(root, 'docs/operating.md'), 'utf8');
  const table = /<!-- lines.*?-->(.*?)<!-- \/lines -->/s.exec(text)?.[1] ?? '';
  const rows = table.split('\n').filter((line) => /^\| (?:debug|info|warn|error)\b/.test(line));
  return rows.map((row) => {
    const [, levels = '', messages = ''] = row.split('|');
    return {
      levels: levels.trim().split(', '),
      messages: Array.from(messages.matchAll(/`([^`]+)`/g), ([, message = '']) => withGaps(message)),
    };
  });
}

/** Whether a message is what a row says, or begins with it. */
function isMeant(message: string, written: string): boolean {
  const beginning = written.replace(/;? …$/, '');
  return beginning === written ? message === written : message.startsWith(beginning);
}

test('docs/operating.md says what each log line means, and has no others', async () => {
  const inSource = await messagesInSource();
  const rows = await rowsInDocs();
  assert.ok(inSource.length > 30);
  const undocumented = inSource.filter(({ level, message }) => {
    const isRow = ({ levels, messages }: (typeof rows)[number]) =>
      (level === '' || levels.includes(level)) && messages.some((written) => isMeant(message, written));
    return !rows.some(isRow);
  });
  assert.deepEqual(undocumented, []);
  const stale = rows.flatMap(({ messages }) =>
    messages.filter((written) => !inSource.some(({ message }) => isMeant(message, written))),
  );
  assert.deepEqual(stale, []);
});

test('the messages that this test knows by name are in the source', async () => {
  for (const [name, messages] of Object.entries(NAMED)) {
    const [file = ''] = name.split(': ');
    const text = await readFile(join(root, 'src', file), 'utf8');
    const more = file === 'endpoint/eras.ts' ? await readFile(join(root, 'src/context/request-state.ts'), 'utf8') : '';
    for (const message of messages) assert.ok((text + more).includes(message), `${file} logs "${message}"`);
  }
});
