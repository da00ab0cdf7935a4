/**
 * Client libraries in Python, in exact versions, each in a virtual environment of its own in the user's cache.
 *
 * They need `python3` with pip. Their own dependencies are whatever pip takes then: it cannot be told a date.
 */
import { execFile } from 'node:child_process';
import { mkdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const PYTHON_PACKAGES = { mcp: 'mcp==2.3.0', fastmcp: 'fastmcp==4.0.10' } as const;
export type PythonPackage = keyof typeof PYTHON_PACKAGES;

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hono-mcp-server-interop', 'python');
const folderOf = (name: PythonPackage) => join(CACHE, PYTHON_PACKAGES[name]);
const run = promisify(execFile);

/** The Python that can import a package. */
export function pythonOf(name: PythonPackage): string {
  return join(folderOf(name), 'bin', 'python');
}

/** The exact version of a package of the table. */
export function pythonVersionOf(name: PythonPackage): string {
  return PYTHON_PACKAGES[name].split('==')[1] ?? '';
}

/** Whether a name is that of a package in Python. */
export function isPython(name: string): name is PythonPackage {
  return Object.hasOwn(PYTHON_PACKAGES, name);
}

/** Installs a package unless it is there already; resolves to whether it was not. */
export async function installPython(name: PythonPackage): Promise<boolean> {
  const folder = folderOf(name);
  const installed = join(folder, 'installed');
  if (await stat(installed).catch(() => undefined)) return false;
  await rm(folder, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  // A virtual environment cannot be moved, so a folder in it says that it is complete.
  await run('python3', ['-m', 'venv', folder]);
  const options = ['--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1'];
  await run(pythonOf(name), ['-m', 'pip', 'install', ...options, PYTHON_PACKAGES[name]]);
  await mkdir(installed);
  return true;
}
