/**
 * Programs from npm that are not dependencies of this project, in exact versions, installed outside of it.
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

/** Their own dependencies as they were then: a run fails for a change here, not for a release elsewhere. */
const RELEASED_BEFORE = '2026-11-22';

export interface Packages<Name extends string> {
  /** The exact version of a package of the table. */
  versionOf: (name: Name) => string;
  /** Installs a package unless it is there already; resolves to whether it was not. */
  install: (name: Name) => Promise<boolean>;
  /** The folder that a package is installed in. */
  folderOf: (name: Name) => string;
  /** The path of a program that a package brings. */
  bin: (name: Name, program: string) => string;
  /** Imports a module of a package. */
  load: (name: Name, specifier: string) => Promise<unknown>;
}

/**
 * Packages by names of our own.
 *
 * @param specifiers - Such as `bun@1.4.5`.
 * @param folder - The name of their folder in the cache.
 */
export function packagesIn<Name extends string>(specifiers: Record<Name, string>, folder: string): Packages<Name> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), folder);
  const folderOf = (name: Name) => join(cache, specifiers[name].replaceAll('/', '+'));
  const split = (name: Name) => {
    const at = specifiers[name].lastIndexOf('@');
    return { package: specifiers[name].slice(0, at), version: specifiers[name].slice(at + 1) };
  };
  return {
    versionOf: (name) => split(name).version,
    async install(name) {
      const installed = folderOf(name);
      if (await readFile(join(installed, 'package.json')).catch(() => undefined)) return false;
      const unfinished = `${installed}.${process.pid}`;
      await mkdir(unfinished, { recursive: true });
      // npm 12 runs the install scripts of those packages only that are named here.
      const manifest = { private: true, allowScripts: { [split(name).package]: true } };
      await writeFile(join(unfinished, 'package.json'), JSON.stringify(manifest));
      const args = [
        'install',
        '--save-exact',
        '--before',
        RELEASED_BEFORE,
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
      ];
      try {
        await promisify(execFile)('npm', [...args, specifiers[name]], { cwd: unfinished });
        await rename(unfinished, installed);
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
      return true;
    },
    folderOf,
    bin: (name, program) => join(folderOf(name), 'node_modules', '.bin', program),
    load(name, specifier) {
      const { resolve } = createRequire(join(folderOf(name), 'package.json'));
      return import(pathToFileURL(resolve(specifier)).href) as Promise<unknown>;
    },
  };
}
