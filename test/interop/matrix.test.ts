import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { check, resolveConfig } from 'prettier';
import { PROJECT_ROOT } from '../support/process.ts';
import { FEATURES, type InteropClient } from './client.ts';
import { cellsOf, compatibilityPage, errorsOf, line, type Outcome } from './matrix.ts';
import { RESTART_COLUMNS } from './restart-report.ts';

const client = (mode: string): InteropClient => ({
  name: 'Some client',
  mode,
  version: '1.2.3',
  era: 'legacy',
  transport: 'HTTP',
  shows: ['connect', 'list'],
  note: 'does not ask for progress',
  needs: [],
  run: async () => {},
});
const outcome = (mode: string): Outcome => ({
  client: client(mode),
  revision: '2025-11-25',
  saw: new Set(['connect']),
  restarts: {
    kept: { worked: 'at once', stream: 'opened again', downMs: 740 },
    lost: { worked: 'after connecting anew', shown: 'Session not found', stream: 'gone', downMs: 1260 },
  },
});
const path = join(PROJECT_ROOT, 'docs', 'compatibility.md');
const page = await compatibilityPage([outcome('old'), outcome('new')], {
  path,
  date: new Date('2026-11-22T12:00:00Z'),
});

test('tells for each feature whether it was seen, missed, or not expected', () => {
  const marks = '✓ connect  ✗ list  – slugify  – slugify-batch  – progress  ✓ state kept  ✗ state lost  ✓ stream';
  assert.ok(line(outcome('old')).endsWith(marks));
  assert.match(
    page,
    /\| Some client, old +\| 1\.2\.3 +\| 2025-11-25 +\| HTTP +\| +✓ +\| +✗ +\| +– +\| +– +\| +– +\| +✓ +\| +✗ +\| +✓ +\|/,
  );
});

test('has a column for each feature, and for a restart with each state', () => {
  const header = page.split('\n').find((text) => text.startsWith('| client')) ?? '';
  assert.deepEqual(header.split(/ *\| */).slice(5, -1), [...FEATURES, ...RESTART_COLUMNS]);
});

test('says once for all modes of a client what there is to say of it', () => {
  assert.equal(page.split('**Some client** does not ask for progress.').length, 2);
});

test('says how long the server was down, and what a client shows that does not go on', () => {
  assert.match(page, /which took it at most 1\.3 seconds/);
  assert.ok(
    page.includes('- **Some client, old**, state lost: it shows `Session not found` until it is connected anew.'),
  );
});

test('counts a restart that broke off as failed, and prints why', () => {
  const brokenOff: Outcome = { ...outcome('old'), restarts: { kept: new Error('no tools') } };
  assert.deepEqual(cellsOf(brokenOff), ['passed', 'failed', 'open', 'open', 'open', 'failed']);
  assert.deepEqual(errorsOf(brokenOff).map(String), ['Error: no tools']);
});

test('names the date, and is formatted as the other files are', async () => {
  assert.match(page, /on 2026-11-22, with Node\.js /);
  assert.ok(await check(page, { ...(await resolveConfig(path)), filepath: path }));
});
