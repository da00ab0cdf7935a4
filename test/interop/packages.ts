/**
 * The clients that are not dependencies of this project, in exact versions, installed outside of it.
 *
 * Each has a folder of its own in the user's cache, so that none sees another's dependencies, and a second
 * run needs no network.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../support/process.ts';

const PACKAGES = {
  // Some clients need a newer Node.js than this project.
  'node 24': 'node@24.21.0',
  inspector: '@modelcontextprotocol/inspector@2.12.0',
  'inspector 0': '@modelcontextprotocol/inspector@0.15.0',
  'claude-code': '@anthropic-ai/claude-code@2.1.330',
  'gemini-cli': '@google/gemini-cli@0.61.0',
  opencode: 'opencode-ai@1.18.33',
  'mcp-remote': 'mcp-remote@0.15.1',
  'ai-sdk': '@ai-sdk/mcp@2.0.99',
  langchain: '@langchain/mcp-adapters@1.1.4',
  playwright: 'playwright-core@1.65.1',
} as const;
/** Their own dependencies as they were then: a run fails for a change here, not for a release elsewhere. */
const RELEASED_BEFORE = '2026-11-22';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hono-mcp-server-interop');

export type PackageName = keyof typeof PACKAGES;

/** The exact version of a package of the table. */
export function versionOf(name: PackageName): string {
  return split(name).version;
}

/** The exact version of a dev dependency of this project. */
export async function installedVersion(dependency: string): Promise<string> {
  const manifest = await readFile(join(PROJECT_ROOT, 'node_modules', dependency, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Installs a package unless it is there already; resolves to whether it was not. */
export async function install(name: PackageName): Promise<boolean> {
  const folder = folderOf(name);
  if (await readFile(join(folder, 'package.json')).catch(() => undefined)) return false;
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  // npm 12 runs the install scripts of those packages only that are named here.
  const manifest = { private: true, allowScripts: { [split(name).name]: true } };
  await writeFile(join(unfinished, 'package.json'), JSON.stringify(manifest));
  const args = ['install', '--save-exact', '--before', RELEASED_BEFORE, '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', [...args, PACKAGES[name]], { cwd: unfinished });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return true;
}

/** The path of a program that a package brings. */
export function bin(name: PackageName, program: string): string {
  return join(folderOf(name), 'node_modules', '.bin', program);
}

/** Imports a module of a package. */
export function load(name: PackageName, specifier: string): Promise<unknown> {
  const { resolve } = createRequire(join(folderOf(name), 'package.json'));
  return import(pathToFileURL(resolve(specifier)).href) as Promise<unknown>;
}

function folderOf(name: PackageName): string {
  return join(CACHE, PACKAGES[name].replaceAll('/', '+'));
}

function split(name: PackageName): { name: string; version: string } {
  const at = PACKAGES[name].lastIndexOf('@');
  return { name: PACKAGES[name].slice(0, at), version: PACKAGES[name].slice(at + 1) };
}
