/** An entry with another tool file in the place of `src/mcp-server.ts`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { TestContext } from 'node:test';
import { PROJECT_ROOT } from './process.ts';

export interface EntryCopy {
  /** The path of the entry from the project's root. */
  entry: string;
  /** The folder that it is in, with nothing but the tool file, `mcp-server.ts`. */
  folder: string;
}

/** Copies an entry, such as `http-server.ts`, next to a tool file. Both are deleted with the test. */
export async function copyEntry(t: TestContext, name: string, toolFile: string): Promise<EntryCopy> {
  const folder = await mkdtemp(join(PROJECT_ROOT, 'test', 'snippet-entry-'));
  t.after(() => rm(folder, { recursive: true }));
  const source = await readFile(join(PROJECT_ROOT, 'src', name), 'utf8');
  await writeFile(join(folder, 'mcp-server.ts'), toolFile);
  await writeFile(
    join(folder, name),
    source.replaceAll(/'\.\/(?!mcp-server)/g, "'../../src/").replace('dirname}/..', 'dirname}/../..'),
  );
  return { entry: relative(PROJECT_ROOT, join(folder, name)), folder };
}
