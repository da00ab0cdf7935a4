/** Writes the differences into docs/migrating.md. Run it when a server in `examples/migrating/` has changed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/process.ts';
import { withDiffs } from './diffs.ts';

const path = join(PROJECT_ROOT, 'docs', 'migrating.md');
await writeFile(path, await withDiffs(await readFile(path, 'utf8')));
