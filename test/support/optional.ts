/** What a user may delete. The docs go on naming it until they are rewritten. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from './process.ts';

/** As in CONTRIBUTING.md. */
const OPTIONAL = [
  'bench',
  'deploy',
  'render.yaml',
  'dev',
  'examples',
  'test/cluster',
  'test/conformance',
  'test/deploy',
  'test/examples',
  'test/interop',
  'test/migrating',
  'test/proxies',
  'test/runtimes',
  'test/tutorial',
  'docs/tutorial.md',
  'test/example',
  'src/slug.ts',
];
const deleted = OPTIONAL.filter((path) => !existsSync(join(PROJECT_ROOT, path)));

/** Whether a file is part of what was deleted here. */
export function isDeleted(file: string): boolean {
  return deleted.some((path) => file === path || file.startsWith(`${path}/`));
}
