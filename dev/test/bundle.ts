/**
 * The bundle of the stdio server (`.mcpb`), made by the commands of docs/publishing.md, unpacked, and used by a client. Not part of
 * `npm test`: the program that packs it and the production packages are installed for it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectStdio } from '../../test/support/clients.ts';
import { packagesIn } from '../../test/support/packages.ts';
import { PROJECT_ROOT } from '../../test/support/process.ts';

const scratch = mkdtempSync(join(tmpdir(), 'bundle-'));
after(() => rmSync(scratch, { recursive: true }));
const project = join(scratch, 'project');
const unpacked = join(scratch, 'unpacked');

const docs = readFileSync(join(PROJECT_ROOT, 'docs/publishing.md'), 'utf8');
const [, commands = ''] = /^```sh\n(npm run build\n.*?)^```$/ms.exec(docs) ?? [];
const [, packer = ''] = /npx --yes (@anthropic-ai\/mcpb@[\d.]+) pack/.exec(commands) ?? [];
const programs = packagesIn({ mcpb: packer }, 'hono-mcp-server-bundle');

/** As much of a manifest as a host needs to start the server. */
interface Manifest {
  server: { mcp_config: { command: string; args: string[] } };
  tools: { name: string }[];
}

before(async () => {
  // Elsewhere, because the commands leave files behind.
  mkdirSync(project);
  for (const name of [
    'src',
    'dev',
    'package.json',
    'package-lock.json',
    'loader.mjs',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    cpSync(join(PROJECT_ROOT, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(project, 'node_modules'));
  await programs.install('mcpb');
  const mcpb = programs.bin('mcpb', 'mcpb');
  execFileSync('bash', ['-euo', 'pipefail', '-c', commands.replace(`npx --yes ${packer}`, mcpb)], { cwd: project });
  const bundle = readdirSync(project).find((name) => name.endsWith('.mcpb')) ?? '';
  execFileSync(mcpb, ['unpack', bundle, unpacked], { cwd: project });
});

for (const kind of ['v1', 'v2 auto'] as const) {
  test(`the bundle serves a ${kind} client over stdio, with the tools that its manifest names`, async (t) => {
    const { server, tools } = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as Manifest;
    const args = server.mcp_config.args.map((arg) => arg.replace('${__dirname}', unpacked));
    const client = await connectStdio(t, kind, { command: server.mcp_config.command, args });
    const listed = (await client.listTools()).tools.map(({ name }) => name);
    assert.deepEqual(
      listed,
      tools.map(({ name }) => name),
    );
    const { structuredContent } = await client.call('slugify', { text: 'Hello World' });
    assert.deepEqual(structuredContent, { slug: 'hello-world' });
  });
}

test('the bundle has neither development packages nor those that only the HTTP server may load', () => {
  const packages = readdirSync(join(unpacked, 'node_modules'));
  assert.ok(packages.includes('hono'));
  for (const name of ['typescript', 'oxlint', 'ioredis', 'prom-client']) assert.ok(!packages.includes(name), name);
});
