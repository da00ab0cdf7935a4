import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { SKIPPED_CHECKS, STATELESS_CANNOT } from './exceptions.ts';
import { SUITE } from './suite.ts';
import { judge, type Check, type Exceptions } from './verdict.ts';

const check = (status: Check['status'], id = 'a-check'): Check => ({ id, status, errorMessage: 'why' });
const judgeOne = (checks: Check[] | undefined, exceptions: Partial<Exceptions> = {}) =>
  judge([{ scenario: 'ping', checks }], { cannot: [], skippedChecks: [], isIgnored: () => false, ...exceptions });

const success = check('SUCCESS');
const onlyWire = check('SUCCESS', 'wire-schema-valid');

test('passes a scenario with a check that succeeds, and none that does worse', () => {
  assert.deepEqual(judgeOne([success, check('INFO')]), { passed: ['ping'], failed: [], cannot: [], ignored: [] });
});

for (const { what, checks, problem } of [
  { what: 'a failure', checks: [success, check('FAILURE')], problem: 'FAILURE a-check: why' },
  { what: 'a warning', checks: [success, check('WARNING')], problem: 'WARNING a-check: why' },
  { what: 'a check that was skipped', checks: [success, check('SKIPPED')], problem: 'SKIPPED a-check: why' },
  { what: 'nothing but remarks', checks: [check('INFO')], problem: 'had nothing to check' },
  { what: 'nothing but valid messages', checks: [onlyWire], problem: 'had nothing to check' },
  { what: 'no end', checks: undefined, problem: 'did not finish' },
]) {
  test(`fails a scenario with ${what}`, () => {
    assert.deepEqual(judgeOne(checks).failed, [{ scenario: 'ping', problems: [problem] }]);
  });

  test(`accepts a listed scenario with ${what}`, () => {
    const { cannot, failed } = judgeOne(checks, { cannot: ['ping'] });
    assert.deepEqual({ cannot, failed }, { cannot: ['ping'], failed: [] });
  });

  test(`does not count an ignored scenario with ${what}`, () => {
    const { ignored, failed } = judgeOne(checks, { isIgnored: (scenario) => scenario === 'ping' });
    assert.deepEqual({ ignored, failed }, { ignored: ['ping'], failed: [] });
  });
}

test('fails a listed scenario that passes', () => {
  const { failed } = judgeOne([success], { cannot: ['ping'] });
  assert.deepEqual(failed, [{ scenario: 'ping', problems: ['passes, although it is listed as one that cannot'] }]);
});

test('fails a listed scenario that was not run', () => {
  const { failed } = judgeOne([success], { cannot: ['pong'] });
  assert.deepEqual(
    failed.map(({ scenario }) => scenario),
    ['pong'],
  );
});

test('accepts a listed check only while it is skipped', () => {
  const passed = (status: Check['status']) =>
    judgeOne([success, check(status, 'listed')], { skippedChecks: ['listed'] }).passed.length;
  assert.deepEqual([passed('SKIPPED'), passed('SUCCESS'), passed('WARNING')], [1, 0, 0]);
});

test('docs/conformance.md names the suite and every exception with its reason', async () => {
  const docs = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
  const rows = docs.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  const listed = rows.filter((row) => row.startsWith('| `'));
  const excepted = Object.entries({ ...STATELESS_CANNOT, ...SKIPPED_CHECKS });
  assert.deepEqual(
    listed,
    excepted.map(([name, why]) => `| \`${name}\` | ${why} |`),
  );
  assert.ok(docs.includes(SUITE));
});
