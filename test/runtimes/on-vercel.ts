/**
 * The server on Vercel's development server, set up as docs/runtimes.md says. It starts a process for each request, so this
 * is a part of what the other runtimes are tested with. Not part of `npm test`, because the server is downloaded.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { answerOf, initializeRequest, JSON_HEADERS, messagesIn, modernRequest, rpc } from '../support/app.ts';
import { connectHttp } from '../support/clients.ts';
import { freePort } from '../support/ports.ts';
import { PROJECT_ROOT, startCommand, type EntryProcess } from '../support/process.ts';
import { assertRefused } from '../support/refusal.ts';
import { remoteApp } from '../support/remote.ts';
import { bin, install } from './packages.ts';

const TITLES = Array.from({ length: 400 }, (_, index) => `Title ${index}`);
const TOLD = { name: 'slugify-batch', arguments: { titles: TITLES }, _meta: { progressToken: 'told' } };

/** A copy of the project as it is deployed. */
async function project(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vercel-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const name of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    await cp(join(PROJECT_ROOT, name), join(folder, name), { recursive: true });
  }
  await symlink(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'));
  await cp(join(PROJECT_ROOT, 'deploy/vercel.json'), join(folder, 'vercel.json'));
  await mkdir(join(folder, 'api'));
  await writeFile(join(folder, 'api/mcp.js'), "export { default } from '../dist/edge-server.js';\n");
  return folder;
}

/** Starts it on a free port. It is stopped with the test, and stops its own processes. */
async function start(t: TestContext): Promise<string> {
  await install('Node.js 24');
  await install('Vercel');
  let process: EntryProcess | undefined;
  t.after(async () => {
    process?.signal('SIGTERM');
    await process?.exit();
  });
  const folder = await project(t);
  const node = bin('Node.js 24', 'node');
  const port = await freePort();
  const args = ['--cwd', folder, 'dev', '--local', '--yes', '--listen', `127.0.0.1:${port}`];
  const env = {
    HOME: folder,
    PATH: `${dirname(node)}:${globalThis.process.env['PATH'] ?? ''}`,
    VERCEL_TELEMETRY_DISABLED: '1',
    MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true',
  };
  process = startCommand(t, node, { args: [bin('Vercel', 'vercel'), ...args], env });
  await process.stderrMatch(/Ready!/);
  return `http://127.0.0.1:${port}/mcp`;
}

test('on Vercel, as its development server runs it', async (t) => {
  const url = await start(t);
  const { request } = remoteApp(url);

  for (const [kind, era] of [
    ['v1', 'legacy'],
    ['v2 pinned', 'modern'],
  ] as const) {
    await t.test(`lists tools and calls one with a ${kind} client`, async (inner) => {
      const client = await connectHttp(inner, kind, url);
      assert.equal(client.era, era);
      assert.equal((await client.listTools()).tools.length, 2);
      assert.deepEqual((await client.call('slugify', { text: 'Hello World' })).structuredContent, {
        slug: 'hello-world',
      });
    });
  }

  for (const [era, call] of [
    ['2025-11-25', { headers: JSON_HEADERS, body: rpc('tools/call', TOLD) }],
    ['2026-07-28', modernRequest('tools/call', TOLD)],
  ] as const) {
    await t.test(`streams the progress of a ${era} call, and its result at the end`, async () => {
      const response = await request('POST', call);
      assert.equal(response.headers.get('content-type'), 'text/event-stream');
      const messages = messagesIn(await response.text());
      assert.equal(messages.filter(({ method }) => method === 'notifications/progress').length, 40);
      assert.equal(messages.at(-1)?.['id'], call.body.id);
    });
  }

  await t.test('answers 200 to initialize without a session id', async () => {
    const opened = await request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
    assert.deepEqual([opened.status, opened.headers.get('mcp-session-id')], [200, null]);
    assert.ok((await answerOf(opened)).result);
  });

  await t.test(
    'answers 400 to what is not JSON, 405 to GET, 404 to another path, and 200 to a health check',
    async () => {
      await assertRefused(await request('POST', { headers: JSON_HEADERS, body: '{' }), { status: 400, code: -32700 });
      await assertRefused(await request('GET'), { status: 405, code: -32000, headers: { allow: 'POST' } });
      assert.equal((await request('GET', { path: '/other' })).status, 404);
      assert.equal((await request('GET', { path: '/readyz' })).status, 200);
    },
  );
});
