import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { check, resolveConfig } from 'prettier';
import { PROJECT_ROOT } from '../support/process.ts';
import { FEATURES, type InteropClient } from './client.ts';
import { compatibilityPage, line, type Outcome } from './matrix.ts';
import { STATES } from './restart.ts';

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
    kept: { worked: 'at once', stream: 'opened again' },
    lost: { worked: 'after connecting anew', shown: 'Session not found', stream: 'gone' },
  },
});
const path = join(PROJECT_ROOT, 'docs', 'compatibility.md');
const page = await compatibilityPage([outcome('old'), outcome('new')], {
  path,
  date: new Date('2026-11-22T12:00:00Z'),
});

test('tells for each feature whether it was seen, missed, or not expected', () => {
  const marks = '✓ connect  ✗ list  – slugify  – slugify-batch  – progress  ✓ kept  ✗ lost';
  assert.ok(line(outcome('old')).endsWith(marks));
  assert.match(
    page,
    /\| Some client, old +\| 1\.2\.3 +\| 2025-11-25 +\| HTTP +\| +✓ +\| +✗ +\| +– +\| +– +\| +– +\| +✓ +\| +✗ +\|/,
  );
});

test('has a column for each feature, and for a restart with each state', () => {
  const header = page.split('\n').find((text) => text.startsWith('| client')) ?? '';
  assert.deepEqual(header.split(/ *\| */).slice(5, -1), [...FEATURES, ...STATES]);
});

test('says once for all modes of a client what there is to say of it', () => {
  assert.equal(page.split('**Some client** does not ask for progress.').length, 2);
});

test('names the date, and is formatted as the other files are', async () => {
  assert.match(page, /on 2026-11-22, with Node\.js /);
  assert.ok(await check(page, { ...(await resolveConfig(path)), filepath: path }));
});
