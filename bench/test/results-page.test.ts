import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunName } from '../options.ts';
import { PROJECT_ROOT } from '../processes.ts';
import { commitOf, pageOf, sectionsOf, sectionText, type Provenance } from '../results-page.ts';

const provenance: Provenance = {
  date: '2026-11-30',
  commit: 'abc123def',
  nodes: ['v20.1.0', 'v24.1.0'],
  ownNode: 'v20.1.0',
  machine: '2 cores',
};

test('a page that was read and written again is the same', () => {
  const page =
    '# Results\n\nHead.\n\n<!-- run: compare -->\n\n## Side by side\n\nText.\n\n<!-- run: churn -->\n\n## Churn\n\nMore.\n';
  assert.equal(pageOf('# Results\n\nHead.', sectionsOf(page)), page);
});

test('a run replaces its section and keeps the others, in the order of the runs', () => {
  const sections = new Map<RunName, string>([
    ['growth', '## Growth\n\nold'],
    ['compare', '## Compare\n\nold'],
  ]);
  const known = sectionsOf(pageOf('# Results', sections));
  known.set('churn', '## Churn\n\nnew').set('compare', '## Compare\n\nnew');
  const titles = pageOf('# Results', known).match(/^(?:##.*|old|new)$/gm);
  assert.deepEqual(titles, ['## Compare', 'new', '## Churn', 'new', '## Growth', 'old']);
});

test('a section says when, at which commit and on what it was measured', () => {
  const text = sectionText({ title: 'Churn', body: 'Figures.', charts: { 'a.svg': '' } }, provenance);
  assert.match(
    text,
    /^## Churn\n\nMeasured on 2026-11-30, at commit `abc123def`, with Node\.js v20\.1\.0 and v24\.1\.0 /,
  );
  assert.match(text, /on 2 cores\.\n\n!\[Churn\]\(a\.svg\)\n\nFigures\.$/);
  assert.equal(commitOf(text), 'abc123def');
});

test('a section without a commit is of none', () => {
  const text = sectionText({ title: 'Churn', body: 'on commit `abc`' }, { ...provenance, commit: undefined });
  assert.equal(commitOf(text), undefined);
});

test('the sections of the results can be read, and all say when they were measured', async () => {
  const page = await readFile(join(PROJECT_ROOT, 'bench', 'results.md'), 'utf8');
  const sections = sectionsOf(page);
  assert.equal(sections.size, page.match(/^## /gm)?.length);
  for (const [name, text] of sections) assert.match(text, /\d{4}-\d\d-\d\d/, name);
});
