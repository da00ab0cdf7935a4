/** What a run needs: this project built, the contenders installed, a Node.js of each version. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from './processes.ts';

const run = promisify(execFile);
const CONTENDERS_FOLDER = join(PROJECT_ROOT, 'bench', 'contenders');
/** Where npm notes what it has installed. */
const INSTALLED = join(CONTENDERS_FOLDER, 'node_modules', '.package-lock.json');

/** The versions that are compared, by their major version. Exact, because the figures are about these. */
const NODE_VERSIONS: Readonly<Record<string, string>> = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };

/** A Node.js to run servers with. */
export interface NodeBinary {
  major: number;
  /** Such as `v24.21.0`. */
  version: string;
  path: string;
}

/** Compiles `src/` to `dist/`, which is what runs in production. */
export async function build(): Promise<void> {
  await run('npm', ['run', 'build'], { cwd: PROJECT_ROOT });
}

/** Installs the contenders, unless what is installed is what their lockfile says, and builds what needs it. */
export async function installContenders(): Promise<void> {
  const wanted = await packagesIn(join(CONTENDERS_FOLDER, 'package-lock.json'));
  const installed = await packagesIn(INSTALLED);
  // Not all of the lockfile is: packages for other systems are left out.
  const isRight = Object.entries(installed).every(([path, { version }]) => wanted[path]?.version === version);
  const isThere = Object.keys(wanted['']?.dependencies ?? {}).every((name) => installed[`node_modules/${name}`]);
  if (!isRight || !isThere) {
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: CONTENDERS_FOLDER });
  }
  // The only one whose programs are built, by a command of its own.
  const cwd = join(CONTENDERS_FOLDER, 'xmcp');
  const env = { ...process.env, XMCP_TELEMETRY_DISABLED: 'true' };
  await run(join(CONTENDERS_FOLDER, 'node_modules', '.bin', 'xmcp'), ['build'], { cwd, env });
}

/** The exact version of a contender's package. */
export async function packageVersion(name: string): Promise<string> {
  const manifest = await readFile(join(CONTENDERS_FOLDER, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * Finds a Node.js: the one that runs this, or one from its npm package, which stays in npm's cache.
 *
 * @param version - A major version of the table, or an exact version.
 */
export async function findNode(version: string): Promise<NodeBinary> {
  const exact = NODE_VERSIONS[version] ?? version;
  const own = process.versions.node;
  if (own === exact || (own.split('.')[0] === version && NODE_VERSIONS[version] === undefined)) {
    return nodeBinary(process.execPath, own);
  }
  const args = ['--yes', '--package', `node@${exact}`, '--', 'node', '-p', 'process.execPath'];
  const { stdout } = await run('npx', args, { cwd: PROJECT_ROOT });
  const path = stdout.trim();
  const found = await run(path, ['-p', 'process.versions.node']);
  return nodeBinary(path, found.stdout.trim());
}

function nodeBinary(path: string, version: string): NodeBinary {
  return { major: Number(version.split('.')[0]), version: `v${version}`, path };
}

interface LockedPackage {
  version?: string;
  dependencies?: Record<string, string>;
}

async function packagesIn(lockfile: string): Promise<Record<string, LockedPackage>> {
  const text = await readFile(lockfile, 'utf8').catch(() => '{}');
  const { packages = {} } = JSON.parse(text) as { packages?: Record<string, LockedPackage> };
  return packages;
}
