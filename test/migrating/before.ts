/** The servers that people come from, with the packages that they need, which are not dependencies of this project. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/ports.ts';
import { PROJECT_ROOT, startEntry, type HttpProcess } from '../support/process.ts';

const SOURCES = join(PROJECT_ROOT, 'examples', 'migrating', 'before');
const MANIFEST = ['package.json', 'package-lock.json'];
const run = promisify(execFile);

/** Installs the packages in the user's cache, unless what their lockfile says is there. Resolves to the folder. */
async function installPackages(): Promise<string> {
  const lockfile = await readFile(join(SOURCES, 'package-lock.json'));
  const hash = createHash('sha256').update(lockfile).digest('hex').slice(0, 16);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hono-mcp-server-migrating');
  const installed = join(cache, hash);
  if (await readFile(join(installed, 'package.json')).catch(() => undefined)) return installed;
  const unfinished = `${installed}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    for (const name of MANIFEST) await cp(join(SOURCES, name), join(unfinished, name));
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: unfinished });
    await rename(unfinished, installed);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return installed;
}

/** Copies the servers to where their packages are. Resolves to the folder, which the caller removes. */
export async function copyServers(): Promise<string> {
  const folder = await mkdtemp(join(await installPackages(), 'servers-'));
  await cp(SOURCES, folder, { recursive: true, filter: (path) => !MANIFEST.some((name) => path.endsWith(name)) });
  await cp(join(SOURCES, 'package.json'), join(folder, 'package.json'));
  return folder;
}

/** Checks the types of the servers, as their users would. Rejects with what is wrong. */
export async function checkTypes(folder: string): Promise<void> {
  const tsc = join(PROJECT_ROOT, 'node_modules', '.bin', 'tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck'];
  await run(tsc, [...options, '--types', 'node', ...ORIGINS.map((name) => join(folder, `${name}.ts`))], {
    cwd: folder,
  });
}

/** What people come from: the names of the files. */
export const ORIGINS = ['one-transport', 'transport-map', 'hono-mcp', 'mcp-handler', 'fastmcp'] as const;
/** One of them. */
export type Origin = (typeof ORIGINS)[number];

/** Starts one of them, and waits until it listens. */
export async function startBefore(
  t: TestContext,
  { folder, origin, port, env = {} }: { folder: string; origin: string; port?: number; env?: Record<string, string> },
): Promise<HttpProcess> {
  const chosen = port ?? (await freePort());
  const started = startEntry(t, join(folder, `${origin}.ts`), { env: { PORT: String(chosen), ...env } });
  await started.stdoutMatch(/^Listening$/m);
  return Object.assign(started, { url: `http://127.0.0.1:${chosen}/mcp` });
}
