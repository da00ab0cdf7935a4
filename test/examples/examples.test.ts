/** Hosts every example in every way that there is, and uses it with the clients of both generations of the SDK. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CreateServer } from '../../src/tools.ts';
import { answerOf, openSession, rpc, testApp } from '../support/app.ts';
import { connect, connectHttp, connectStdio, type ClientKind } from '../support/clients.ts';
import { startListening } from '../support/listening.ts';
import { childEnv } from '../support/process.ts';
import { stdioPipe, type ModuleParts } from '../support/stdio-pipe.ts';
import { fillInForm, USES, type Where } from './uses.ts';

/** What an example exports. */
interface Example extends ModuleParts {
  createMcpServer: CreateServer;
}

const KINDS: readonly { kind: ClientKind; era: 'legacy' | 'modern' }[] = [
  { kind: 'v1', era: 'legacy' },
  { kind: 'v2 legacy', era: 'legacy' },
  { kind: 'v2 auto', era: 'modern' },
];

const SWITCH = { MCP_MAX_LIVE_SESSIONS: '0' };
const STATELESS = { MCP_SESSIONS: 'stateless' };
const HTTP: Record<string, Record<string, string>> = {
  'with sessions': {},
  'with sessions and the development switch': SWITCH,
  'without sessions': STATELESS,
  'without sessions, with the development switch': { ...STATELESS, ...SWITCH },
};

const scratch = mkdtempSync(join(tmpdir(), 'examples-'));
after(() => rmSync(scratch, { recursive: true }));
const folder = join(scratch, 'docs');
mkdirSync(folder);
// What the examples read, here and in processes.
Object.assign(process.env, { DOCS_FOLDER: folder, TMPDIR: scratch });

const FOLDER = new URL('../../examples/', import.meta.url);
const load = async (file: string) => (await import(new URL(file, FOLDER).href)) as Example;

test('every example is in the table', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'));
  assert.deepEqual(files.toSorted(), Object.keys(USES).toSorted());
});

interface ListedTool {
  name: string;
  annotations?: { title?: string; readOnlyHint?: boolean; destructiveHint?: boolean };
}

test('every tool of the examples has a title, and says whether it only reads and whether it may destroy', async () => {
  const listed = await Promise.all(
    Object.keys(USES).map(async (file) => {
      const session = await openSession(testApp({}, { createServer: (await load(file)).createMcpServer }));
      const { result } = await answerOf(await session.post(rpc('tools/list')));
      return (result?.['tools'] ?? []) as ListedTool[];
    }),
  );
  assert.ok(listed.flat().length > 200);
  for (const { name, annotations = {} } of listed.flat()) {
    const { title = '', readOnlyHint, destructiveHint } = annotations;
    assert.match(title, /^\w/, name);
    assert.ok(readOnlyHint === true || typeof destructiveHint === 'boolean', name);
  }
});

for (const [file, use] of Object.entries(USES)) {
  for (const [way, env] of Object.entries(HTTP)) {
    test(`examples/${file} serves every client over HTTP ${way}`, async (t) => {
      const { createMcpServer: createServer, ...parts } = await load(file);
      const { url } = await startListening(t, env, { ...parts, createServer });
      for (const { kind, era } of KINDS) {
        await t.test(kind, async (tt) => {
          const client = await connectHttp(tt, kind, url, { elicit: fillInForm });
          assert.equal(client.era, era);
          const hasSession = era === 'legacy' && env['MCP_SESSIONS'] === undefined;
          await use(client, { hasSession, hasCaller: false, reachesClient: hasSession || era === 'modern', folder });
        });
      }
    });
  }

  for (const { kind, era } of KINDS) {
    test(`examples/${file} serves a ${kind} client over stdio`, async (t) => {
      const { createMcpServer, ...parts } = await load(file);
      const client = await connect(t, kind, stdioPipe(t, createMcpServer, parts), { elicit: fillInForm });
      assert.equal(client.era, era);
      await use(client, overStdio(era));
    });
  }

  test(`examples/${file} is served by the command over stdio, with the development switch`, async (t) => {
    const args = ['--import', './loader.mjs', 'src/node/cli.ts', `examples/${file}`, '--stdio'];
    const env = childEnv({ ...SWITCH, DOCS_FOLDER: folder });
    const command = { command: process.execPath, args, env };
    const client = await connectStdio(t, 'v2 pinned', command, { elicit: fillInForm });
    await use(client, overStdio('modern'));
  });
}

function overStdio(era: 'legacy' | 'modern'): Where {
  return { hasSession: era === 'legacy', hasCaller: true, reachesClient: true, folder };
}
